"""Training in C++: the source, how it is compiled, and how it is called."""
