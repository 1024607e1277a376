/* A library with its prefix baked in, as compilers leave it: several times in one string, and with text after the end of a string. */
const char *home(void) { return PLACEHOLDER "/share/where"; }
const char *path(void) { return PLACEHOLDER "/bin:" PLACEHOLDER "/sbin"; }
const char *pair(void)
{
    static const char text[] = PLACEHOLDER "\0what follows the end stays where it is";
    return text;
}
