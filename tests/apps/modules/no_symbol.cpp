// A shared library that is not a module.
extern "C" int answer() { return 42; }
