/// Inputs that try to make a decoder do more than decode: vectors, the published forms of pickles
/// that run code, and random damage to both.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "hex.hpp"
#include "json_rows.hpp"

/// Pairs of module and name that bypass known scanners. None of them is in the reader's list.
inline constexpr std::pair<std::string_view, std::string_view> gadgets[] = {
  {"os", "system"},
  {"posix", "system"},
  {"nt", "system"},
  {"os", "popen"},
  {"os", "execv"},
  {"os", "mkdir"},
  {"shutil", "os.system"},
  {"shutil", "os.mkdir"},
  {"shutil", "rmtree"},
  {"subprocess", "Popen"},
  {"subprocess", "check_output"},
  {"subprocess", "getoutput"},
  {"builtins", "eval"},
  {"builtins", "exec"},
  {"builtins", "compile"},
  {"builtins", "getattr"},
  {"builtins", "open"},
  {"builtins", "__import__"},
  {"builtins", "breakpoint"},
  {"builtins", "apply"},
  {"__builtin__", "eval"},
  {"__builtin__", "file"},
  {"builtins", "ValueError.__class__"},
  {"builtins", "type"},
  {"builtins ", "ValueError"},
  {std::string_view{"builtins\0", 9}, "eval"},
  {"pickle", "loads"},
  {"_pickle", "loads"},
  {"dill", "loads"},
  {"cloudpickle", "loads"},
  {"marshal", "loads"},
  {"types", "FunctionType"},
  {"types", "CodeType"},
  {"functools", "reduce"},
  {"functools", "partial"},
  {"operator", "attrgetter"},
  {"operator", "methodcaller"},
  {"importlib", "import_module"},
  {"pkgutil", "resolve_name"},
  {"runpy", "run_path"},
  {"runpy", "_run_code"},
  {"code", "InteractiveInterpreter"},
  {"codeop", "compile_command"},
  {"timeit", "timeit"},
  {"cProfile", "run"},
  {"profile", "Profile.run"},
  {"pdb", "run"},
  {"bdb", "Bdb.run"},
  {"doctest", "debug_script"},
  {"trace", "Trace.run"},
  {"ctypes", "CDLL"},
  {"_ctypes", "dlopen"},
  {"socket", "create_connection"},
  {"_socket", "gethostbyname"},
  {"urllib.request", "urlopen"},
  {"http.client", "HTTPSConnection"},
  {"smtplib", "SMTP"},
  {"ftplib", "FTP"},
  {"webbrowser", "open"},
  {"pty", "spawn"},
  {"platform", "popen"},
  {"asyncio.unix_events", "_UnixSubprocessTransport._start"},
  {"multiprocessing.util", "spawnv_passfds"},
  {"distutils.file_util", "write_file"},
  {"logging", "FileHandler"},
  {"logging.config", "valueAsConfigDict"},
  {"sqlite3", "connect"},
  {"tempfile", "mktemp"},
  {"zipimport", "zipimporter"},
  {"site", "execsitecustomize"},
  {"numpy.testing._private.utils", "runstring"},
  {"torch.storage", "_load_from_bytes"},
  {"patio.broker.tcp.broker", "TCPBrokerBase"},
};

/// Returns every gadget in every form that calls it or builds its object with one argument.
[[nodiscard]] inline std::vector<std::string> gadget_pickles() {
  std::vector<std::string> all;
  auto counted = [](std::string_view text) {
    return "\x8c" + std::string(1, static_cast<char>(text.size())) + std::string{text};
  };
  for (auto [module, name] : gadgets) {
    auto line = std::string{module} + "\n" + std::string{name} + "\n";
    auto global = "\x80\x04" + counted(module) + "\x94" + counted(name) + "\x94\x93\x94";
    auto argument = counted("id");
    all.push_back("c" + line + "(S'id'\ntR."); // GLOBAL, REDUCE
    all.push_back("\x80\x02"
                  "c"
                  + line + "q\x00U\x02idq\x01\x85q\x02Rq\x03.");         // protocol 2
    all.push_back(global + argument + "\x85\x94R\x94.");                 // STACK_GLOBAL, REDUCE
    all.push_back(global + argument + "\x85\x81.");                      // NEWOBJ
    all.push_back(global + argument + "\x85}\x92.");                     // NEWOBJ_EX
    all.push_back(global + ")\x81}\x8c\x08__dict__" + argument + "sb."); // BUILD
    all.push_back("(S'id'\ni" + line + ".");                             // INST
    all.push_back("("
                  "c"
                  + line + "S'id'\no.");                                                  // OBJ
    all.push_back("ccopy_reg\n_reconstructor\n(c" + line + "c__builtin__\nobject\nNtR."); // copyreg
    all.push_back("cbuiltins\nValueError\n(c" + line + "(S'id'\ntRtR."); // within an argument
    all.push_back(global + "0h\x02" + argument + "\x85R.");              // by way of the memo
    all.push_back(global + ".");                                         // the class itself
  }
  return all;
}

/// Returns objects that only a reader with python_types accepts: an object of each family of
/// Python's classes, and a user's class in three forms.
[[nodiscard]] inline std::vector<std::string> object_pickles() {
  const std::string order = "cshop.models\nOrder\n", state = "(Vid\nI7\ndb.";
  return {"cdatetime\ndatetime\n(C\x0a\x07\xea\x01\x02\x03\x04\x05\x01\x02\x03"
          "cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I0\nI3600\nI0\ntRtRtR.",
          "cdecimal\nDecimal\n(V-1.5E+3\ntR.",
          "cuuid\nUUID\n)\x81(Vint\nI5\ndb.",
          "ccollections\nOrderedDict\n)R(Va\nI1\nVb\nI2\nu.",
          "ccopy_reg\n_reconstructor\n(" + order + "c__builtin__\nobject\nNtR" + state,
          order + ")\x81" + state,
          order + "(I1\ntR(I2\ne(I3\nI4\nu" + state};
}

[[nodiscard]] inline std::vector<std::string> hostile_pickles() {
  auto all = gadget_pickles();
  for (auto& object : object_pickles()) all.push_back(std::move(object));
  all.push_back(from_hex("8003") + "carray\n_array_reconstructor\n(carray\narray\nVd\n"
                + from_hex("4b10"
                           "4308")
                + "12345678tR.");
  for (const auto* file : {"reject.jsonl", "pickle.jsonl"})
    for (const auto& row : json_rows(file))
      all.push_back(from_hex(row.at("pickle").get<std::string>()));
  for (const auto* hex : {"", "8004", "80062e", "800282012e", "50610a2e", "80044b01512e",
                          "80059700", "8005982e", "5d72ffffff1f2e"})
    all.push_back(from_hex(hex));
  return all;
}

/// Makes damaged copies of pickles: bytes are changed, removed or doubled, or the end of one pickle
/// follows the beginning of another.
class damaged_pickles {
public:
  damaged_pickles(std::vector<std::string> originals, std::uint64_t seed)
      : originals_{std::move(originals)}, random_{seed} {}

  [[nodiscard]] const std::string& next() {
    made_ = originals_[below(originals_.size())];
    if (below(4) == 0) cross(originals_[below(originals_.size())]);
    for (auto changes = below(4); changes > 0 && !made_.empty(); --changes) change();
    return made_;
  }

private:
  [[nodiscard]] std::size_t below(std::size_t n) { return random_() % n; }

  void cross(const std::string& other) {
    made_.resize(below(made_.size() + 1));
    made_.append(other, below(other.size() + 1));
  }
  void change() {
    auto at = below(made_.size());
    switch (below(4)) {
    case 0: made_[at] = static_cast<char>(random_()); break;
    case 1: made_[at] = static_cast<char>(made_[at] ^ (1 << below(8))); break;
    case 2: made_.erase(at, 1 + below(8)); break;
    default: made_.insert(at, made_, at, 1 + below(16));
    }
  }

  std::vector<std::string> originals_;
  std::mt19937_64 random_;
  std::string made_;
};
