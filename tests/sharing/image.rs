//! What holds for the layers of every image.
