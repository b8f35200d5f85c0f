#include <doctest/doctest.h>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::unknown_class;
using patio::value;

namespace {

std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

std::string stack_global(const std::string& module, const std::string& name) {
  auto text = [](const std::string& s) {
    return "\x8c" + std::string{static_cast<char>(s.size())} + s;
  };
  return text(module) + text(name) + "\x93";
}

std::string made(const std::string& pickle) { return read(to_hex(pickle + ".")); }

value raised(const std::string& pickle) {
  return *patio::read_pickle(pickle + ".", {}, unknown_class::as_exception);
}

} // namespace

TEST_CASE("pickle::reader: K9 a class outside the list is refused by name, whatever the opcode") {
  CHECK(refusal(global("os", "system")) == "byte 0: class os.system is not accepted");
  CHECK(refusal(global("posix", "system")) == "byte 0: class posix.system is not accepted");
  CHECK(refusal(global("subprocess", "Popen")) == "byte 0: class subprocess.Popen is not accepted");
  for (const auto& [module, name] : std::initializer_list<std::pair<const char*, const char*>>{
         {"shutil", "os.system"},
         {"builtins", "ValueError.__class__"},
         {"builtins", "eval"},
         {"builtins", "getattr"},
         {"builtins", "type"},
         {"builtins", "range"},
         {"pickle", "loads"},
         {"functools", "reduce"},
         {"operator", "attrgetter"},
         {"importlib", "import_module"},
         {"pkgutil", "resolve_name"},
         {"builtins", "IOError"},
         {"exceptions", "TimeoutError"},
         {"_codecs", "decode"},
         {"codecs", "encode"},
         {"copyreg", "__newobj__"},
         {"patio.broker.tcp.broker", "PacketHandler"},
         {"patio.broker.tcp", "broker.CallRequest"},
         {"asyncio", "TimeoutError"},
         {"asyncio.exceptions", "CancelledError"}})
    CHECK(refusal(stack_global(module, name))
            .ends_with(": class "s + module + "." + name + " is not accepted"));
}

TEST_CASE("pickle::reader: K9 names that only look like listed names are refused, and are escaped "
          "and truncated in the error") {
  CHECK(refusal(global("builtins ", "set")) == "byte 0: class builtins\\x20.set is not accepted");
  CHECK(refusal(stack_global("builtins\0"s, "set"))
        == "byte 16: class builtins\\x00.set is not accepted");
  CHECK(refusal(stack_global("builtins", "s\xd0\xb5t"))
        == "byte 16: class builtins.s\\xd0\\xb5t is not accepted");
  CHECK(refusal(stack_global("builtins", "set\xed\xa0\x80"))
        == "byte 18: class builtins.set\\xed\\xa0\\x80 is not accepted");
  for (const auto& [module, name] : {std::pair{"", "set"},
                                     {"b", "set"},
                                     {"builtins", ""},
                                     {"builtins", "se"},
                                     {"builtins.set", ""}})
    CHECK(refusal(global(module, name))
          == "byte 0: class "s + module + "." + name + " is not accepted");
  CHECK(refusal(global("Builtins", "set")) == "byte 0: class Builtins.set is not accepted");
  CHECK(refusal(global("builtins\r", "set")) == "byte 0: class builtins\\x0d.set is not accepted");
  CHECK(refusal(global(std::string(1000, 'm'), std::string(1000, 'n'))).size() < 200);
}

TEST_CASE("pickle::reader: K9 a class must be named by two texts") {
  CHECK(read("80044b014b02932e")
        == "byte 6: expected a module and a class name, found other values");
  CHECK(refusal(global("builtins", "set") + "\x8c\x01x\x93")
        == "byte 17: expected plain data, found a class");
  auto by_memo = "\x8c\x08"
                 "builtins\x94\x8c\x03set\x94h\0h\1\x93)R."s;
  CHECK(read(to_hex(by_memo)) == "byte 24: expected one value at the end, found 3");
  CHECK(read(to_hex("\x8c\x08"
                    "builtins\x94"
                    "0\x8c\x03set\x94"
                    "0h\0h\1\x93)R."s))
        == "set()");
}

TEST_CASE("pickle::reader: K9 opcodes that would resolve a name or a number are refused") {
  CHECK(read("28696f730a73797374656d0a2e")
        == "byte 1: expected an opcode for plain data, found INST");
  CHECK(read("28636275696c74696e730a7365740a6f2e")
        == "byte 15: expected an opcode for plain data, found OBJ");
  CHECK(read("800282012e") == "byte 2: expected an opcode for plain data, found EXT1");
  CHECK(read("80028301002e") == "byte 2: expected an opcode for plain data, found EXT2");
  CHECK(read("800284010000002e") == "byte 2: expected an opcode for plain data, found EXT4");
  CHECK(read("50310a2e") == "byte 0: expected an opcode for plain data, found PERSID");
  CHECK(read("80054b01512e") == "byte 4: expected an opcode for plain data, found BINPERSID");
  CHECK(read("8005972e") == "byte 2: expected an opcode for plain data, found NEXT_BUFFER");
  CHECK(read("80054e982e") == "byte 3: expected an opcode for plain data, found READONLY_BUFFER");
  CHECK(made(global("builtins", "ValueError") + ")}\x92")
        == "byte 23: expected an opcode for plain data, found NEWOBJ_EX");
}

TEST_CASE("pickle::reader: a class is neither a value nor a part of a value") {
  auto cls = global("builtins", "set");
  CHECK(made(cls) == "byte 14: expected plain data, found a class");
  CHECK(made(cls + "\x85") == "byte 14: expected plain data, found a class");
  CHECK(made("(" + cls + "l") == "byte 15: expected plain data, found a class");
  CHECK(made("]" + cls + "a") == "byte 15: expected plain data, found a class");
  CHECK(made("}" + cls + "Ns") == "byte 16: expected plain data, found a class");
  CHECK(made("}N" + cls + "s") == "byte 16: expected plain data, found a class");
  CHECK(made("(" + cls + "\x91") == "byte 15: expected plain data, found a class");
  CHECK(made("\x8f(" + cls + "\x90") == "byte 16: expected plain data, found a class");
  CHECK(made(cls + cls + "R") == "byte 28: expected a tuple of arguments, found a class");
  CHECK(made(")" + cls + "b") == "byte 15: expected plain data, found a class");
  CHECK(made("N)R") == "byte 2: expected a class to call, found a NoneType");
  CHECK(made("N)\x81") == "byte 2: expected a class, found a NoneType");
  CHECK(made(cls + ")\x81")
        == "byte 15: expected a CallRequest, an exception or an added class for NEWOBJ");
}

TEST_CASE(
  "pickle::reader: sets, complex numbers, bytes and bytearrays are made by their class names") {
  CHECK(made(global("builtins", "set") + ")R") == "set()");
  CHECK(made(global("__builtin__", "frozenset") + "](K\1K\1K\2e\x85R") == "frozenset({1, 2})");
  CHECK(made(global("builtins", "set") + "K\1\x85R")
        == "byte 17: expected one list of items for a set");
  CHECK(made(global("builtins", "set") + "]]a\x85R")
        == "byte 18: expected a hashable value, found a list");
  CHECK(made(global("builtins", "complex") + "F1\nF-0.0\n\x86R") == "(1-0j)");
  CHECK(made(global("builtins", "complex") + "K\1K\2\x86R")
        == "byte 23: expected two floats for a complex");
  CHECK(made(global("__builtin__", "bytes") + ")R") == "b''");
  CHECK(made(global("__builtin__", "bytes") + "K\5\x85R")
        == "byte 22: expected no arguments for bytes");
  CHECK(made(global("builtins", "bytearray") + ")R") == "bytearray(b'')");
  CHECK(made(global("builtins", "bytearray") + "C\1a\x85R") == "bytearray(b'a')");
  CHECK(made(global("builtins", "bytearray") + "V\xe9\nVlatin-1\n\x86R") == "bytearray(b'\\xe9')");
  CHECK(made(global("builtins", "bytearray") + "K\5\x85R")
        == "byte 23: expected bytes for a bytearray");
  CHECK(made(global("_codecs", "encode") + "V\xe9\nVlatin1\n\x86R") == "b'\\xe9'");
  CHECK(made(global("_codecs", "encode") + "V\\u0100\nVlatin1\n\x86R")
        == "byte 33: expected a text of Latin-1 characters");
  CHECK(made(global("_codecs", "encode") + "Vx\nVrot13\n\x86R")
        == "byte 27: expected a text and 'latin1'");
  CHECK(made(global("_codecs", "encode") + "Vx\nVlatin1\nVstrict\n\x87R")
        == "byte 36: expected a text and 'latin1'");
  CHECK(made(global("_codecs", "encode") + "K\1Vlatin1\n\x86R")
        == "byte 27: expected a text and 'latin1'");
}

TEST_CASE("pickle::reader: built-in exceptions are data, under their Python 3 names") {
  CHECK(raised(global("builtins", "ValueError") + "Vbad\n\x85R")
        == value::exception("builtins.ValueError", {"bad"}));
  CHECK(raised(global("__builtin__", "RecursionError") + ")R")
        == value::exception("builtins.RecursionError", {}));
  CHECK(raised(global("exceptions", "KeyError") + "K\1\x85R")
        == value::exception("builtins.KeyError", {1}));
  CHECK(raised(global("builtins", "KeyError") + "K\1\x85\x81")
        == value::exception("builtins.KeyError", {1}));
  CHECK(raised(global("asyncio.exceptions", "TimeoutError") + ")R")
        == value::exception("builtins.TimeoutError", {}));
  CHECK(raised(global("builtins", "UnicodeDecodeError") + ")R")
        == value::exception("builtins.UnicodeDecodeError", {}));
}

TEST_CASE("pickle::reader: OSError becomes the subclass of its errno and drops the file name, as "
          "in CPython") {
  auto os_error = global("builtins", "OSError");
  CHECK(raised(os_error + "K\2Vx\n\x86R")
        == value::exception("builtins.FileNotFoundError", {2, "x"}));
  CHECK(raised(os_error + "K\2Vx\nVname\n\x87R")
        == value::exception("builtins.FileNotFoundError", {2, "x"}));
  CHECK(raised(os_error + "K\2\x85R") == value::exception("builtins.OSError", {2}));
  CHECK(raised(os_error + "M\xff\xffVx\n\x86R")
        == value::exception("builtins.OSError", {65535, "x"}));
  CHECK(raised(os_error + "VENOENT\nVx\n\x86R")
        == value::exception("builtins.OSError", {"ENOENT", "x"}));
  CHECK(raised(os_error + "K\2Vx\nN\x87R")
        == value::exception("builtins.FileNotFoundError", {2, "x", value{}}));
  CHECK(raised(os_error + "K\x0bVx\nK\7\x87R")
        == value::exception("builtins.BlockingIOError", {11, "x", 7}));
  CHECK(raised(os_error + "(K\2NNNNNtR")
        == value::exception("builtins.OSError", {2, value{}, value{}, value{}, value{}, value{}}));
  CHECK(raised(global("builtins", "PermissionError") + "K\2Vx\n\x86R")
        == value::exception("builtins.PermissionError", {2, "x"}));
  CHECK(raised(global("exceptions", "OSError") + "Vx\n\x85R")
        == value::exception("builtins.OSError", {"x"}));
  CHECK(raised(global("exceptions", "OSError") + ")R")
        == value::exception("builtins.TimeoutError", {}));
  CHECK(raised(os_error + ")R") == value::exception("builtins.OSError", {}));
}

TEST_CASE("pickle::reader: K12 only the notes of an exception's state are kept") {
  auto v = global("builtins", "ValueError") + ")R";
  CHECK(raised(v + "}(V__notes__\n](Vone\nVtwo\neV__class__\nVx\nVargs\nK\1\x85ub")
        == value::exception("builtins.ValueError", {}, {"one", "two"}));
  CHECK(raised(v + "}V__notes__\nVtext\nsb") == value::exception("builtins.ValueError", {}));
  CHECK(raised(v + "Nb") == value::exception("builtins.ValueError", {}));
  CHECK(made(v
             + "N}\x86"
               "b")
        == "byte 26: expected a dict as an exception's state, found a tuple");
  CHECK(made("K\1}b")
        == "byte 3: expected a CallRequest, an exception or an object for BUILD, found a int");
}

TEST_CASE(
  "pickle::reader: an unknown class becomes an inert exception where an exception is expected") {
  auto error = stack_global("app.errors", "Quota");
  CHECK(raised(error + "K\5\x85R") == value::exception("app.errors.Quota", {5}));
  CHECK(raised(error + "K\5\x85\x81") == value::exception("app.errors.Quota", {5}));
  CHECK(raised(error + ")R}(V__notes__\n]Vn\naVcode\nK\7ub")
        == value::exception("app.errors.Quota", {}, {"n"}));
  CHECK(raised(error
               + ")RN}\x86"
                 "b")
        == value::exception("app.errors.Quota", {}));
  CHECK(raised(error + stack_global("app", "Cause") + ")R\x85R")
        == value::exception("app.errors.Quota", {value::exception("app.Cause", {})}));
  CHECK(raised(global("posix", "system") + "Vtrue\n\x85R")
        == value::exception("posix.system", {"true"}));
}

TEST_CASE("pickle::reader: an unknown class is refused unless its name is fit for a log") {
  auto why = [](const std::string& pickle) {
    return refusal(pickle + ")R.", {}, unknown_class::as_exception);
  };
  CHECK(why(stack_global("app", "A\nB")) == "byte 10: class app.A\\x0aB is not accepted");
  CHECK(why(stack_global("app", "")) == "byte 7: class app. is not accepted");
  CHECK(why(global("app", "\xff")) == "byte 0: class app.\\xff is not accepted");
  CHECK(why(global("app", std::string(257, 'n'))).ends_with(" is not accepted"));
  CHECK(why(global("app", std::string(256, 'n'))) == "accepted");
  CHECK(why(stack_global("app", "\xc3\x9cnfug")) == "accepted");
  CHECK(refusal(stack_global("app", "A") + ".", {}, unknown_class::as_exception)
        == "byte 9: expected plain data, found a class");
}
