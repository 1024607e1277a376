//! Pinning against a small signed archive that the tests serve on loopback.
