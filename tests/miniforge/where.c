/* Prints where its prefix is, by its own bytes and those of its library. */
#include <stdio.h>

extern const char *home(void), *path(void), *pair(void);

int main(void)
{
    static const char own[] = PLACEHOLDER;
    const char *text = pair();
    /* The tail stands where it stood when the program was built. */
    printf("%s\n%s\n%s\n%s\n%s\n", own, home(), path(), text, text + sizeof PLACEHOLDER);
    return 0;
}
