#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include <patio/pickle/reader.hpp>
#include <patio/value/integer.hpp>

#include "pickle/testing.hpp"

using namespace std::string_literals;
using patio::call_request;
using patio::value;
using patio::pickle::shortcuts;

namespace {

const std::string mul_2_3 = from_hex("80059563000000000000008c17706174696f2e62726f6b65722e7463702e6"
                                     "2726f6b6572948c0b43616c6c5265717565737494"
                                     "93942981947d94288c0466756e63948c036d756c948c0461726773944b024"
                                     "b0386948c066b7761726773947d948c0774696d65"
                                     "6f7574944e75622e");

/// Returns Python's repr of a call's parts, or the refusal.
std::string shown(const patio::result<call_request>& call) {
  if (!call) return call.error().message;
  auto text = call->function + *patio::repr(value::tuple(call->args.positional));
  for (const auto& [name, v] : call->args.keywords) text += " " + name + "=" + *patio::repr(v);
  return text + " " + *patio::repr(call->timeout);
}

patio::result<call_request> read_by(shortcuts ways, std::string_view pickle,
                                    const patio::pickle_limits& limits = {}) {
  return patio::pickle::reader{pickle, limits, patio::unknown_class::refuse, patio::python_types{}}
    .read_call(ways);
}

std::string recognised(std::string_view pickle, const patio::pickle_limits& limits = {}) {
  return shown(read_by(shortcuts::taken, pickle, limits));
}
std::string stepped_through(std::string_view pickle, const patio::pickle_limits& limits = {}) {
  return shown(read_by(shortcuts::stepped_through, pickle, limits));
}

std::string named_class() {
  return "\x80\x02"
         "cpatio.broker.tcp.broker\nCallRequest\n";
}
std::string with_state(const std::string& state) { return named_class() + ")\x81" + state + "b."; }
std::string call_of(const std::string& state) {
  return shown(patio::read_call_request(with_state(state)));
}

} // namespace

TEST_CASE("pickle::call_reader: a recorded call is read") {
  auto call = patio::read_call_request(mul_2_3);
  REQUIRE(call);
  CHECK(call->function == "mul");
  CHECK(same_call(*call, {"mul", {{2, 3}, {}}, {}}));
}

TEST_CASE("pickle::call_reader: skipping the usual opening equals stepping through its opcodes") {
  CHECK(recognised(mul_2_3) == "mul(2, 3) None");
  CHECK(stepped_through(mul_2_3) == "mul(2, 3) None");
  for (std::size_t size = 0; size < mul_2_3.size(); ++size) {
    auto part = std::string_view{mul_2_3}.substr(0, size);
    CHECK(recognised(part) == stepped_through(part));
  }
  // An argument may refer to the names and the class that the opening puts into the memo.
  for (auto reference : {"h\0h\1"s, "h\0h\0"s, "h\1K\3"s, "h\2K\3"s, "h\3K\3"s, "h\4K\3"s,
                         "h\5h\5"s, "h\6K\3"s, "h\x0bK\3"s, "2K\3"s}) {
    auto pickle = mul_2_3;
    pickle.replace(pickle.find("K\2K\3"), 4, reference);
    CAPTURE(to_hex(reference));
    CHECK(recognised(pickle) == stepped_through(pickle));
  }
  auto pickle = mul_2_3;
  pickle.replace(pickle.find("K\2K\3"), 4, "h\0h\1"s);
  CHECK(recognised(pickle) == "mul('patio.broker.tcp.broker', 'CallRequest') None");
}

TEST_CASE(
  "pickle::call_reader: the fast path is taken only if no opcode can refer to the dict of fields") {
  // Memo entry 4 is that dict. With its fields it is two levels deep.
  auto looked_at = [](std::size_t levels) {
    auto pickle = mul_2_3;
    pickle.replace(pickle.size() - 1, 1, "h\4"s + std::string(levels, '\x85') + "0.");
    CHECK(recognised(pickle) == stepped_through(pickle));
    return recognised(pickle);
  };
  CHECK(looked_at(126) == "mul(2, 3) None");
  CHECK(looked_at(127).ends_with(": nested deeper than 128"));
  // The same pickle, but the entry becomes an int before the reader has to make the dict.
  auto pickle = mul_2_3;
  pickle.replace(pickle.size() - 1, 1, "h\4"s + std::string(127, '\x85') + "0.");
  pickle.insert(pickle.find("K\2K\3") + 2, "q\4");
  CHECK(recognised(pickle) == "mul(2, 3) None");
  CHECK(stepped_through(pickle) == "mul(2, 3) None");
}

TEST_CASE(
  "pickle::call_reader: an argument may be 126 levels deep, because a tuple and a dict hold it") {
  auto with_depth = [](unsigned levels) {
    value v = value::list({});
    while (v.depth() < levels) v = value::list({v});
    auto pickle = written(call_request{"f", {{v}, {}}, {}});
    CHECK(recognised(pickle) == stepped_through(pickle));
    return call_refusal(pickle);
  };
  CHECK(with_depth(126) == "accepted");
  CHECK(with_depth(127).ends_with(": nested deeper than 128"));
  CHECK(with_depth(128).ends_with(": nested deeper than 128"));
}

TEST_CASE("pickle::call_reader: every flip of one bit in a call ends the same way with and without "
          "the fast path") {
  for (std::size_t bit = 0; bit < mul_2_3.size() * 8; ++bit) {
    auto pickle = mul_2_3;
    pickle[bit / 8] = static_cast<char>(pickle[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    CHECK(recognised(pickle) == stepped_through(pickle));
  }
}

TEST_CASE("pickle::call_reader: every change of one byte after the opening ends the same way with "
          "and without the fast path") {
  auto pickle = mul_2_3;
  for (std::size_t at = 60; at < pickle.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      pickle[at] = static_cast<char>(byte);
      if (recognised(pickle) == stepped_through(pickle)) continue;
      FAIL_CHECK("byte " << at << " = " << byte << ": " << recognised(pickle) << " / "
                         << stepped_through(pickle));
    }
    pickle[at] = mul_2_3[at];
  }
}

TEST_CASE("pickle::call_reader: a call costs the same with and without the fast path") {
  for (std::size_t limit = 0; limit < 3000; ++limit) {
    CAPTURE(limit);
    for (auto limited : {patio::pickle_limits{.nodes = limit},
                         {.memo_entries = limit},
                         {.memory_bytes = limit},
                         {.bytes = limit}})
      CHECK(recognised(mul_2_3, limited) == stepped_through(mul_2_3, limited));
  }
}

TEST_CASE("pickle::call_reader: K13 a call is read in the forms of protocols 0 to 3") {
  auto fields = "(Vfunc\nVf\nVargs\n(I1\ntVkwargs\n(Vk\nI2\ndVtimeout\nF0.5\nd"s;
  CHECK(call_of(fields) == "f(1,) k=2 0.5");
  for (auto module : {"copy_reg", "copyreg"})
    for (auto builtins : {"__builtin__", "builtins"})
      CHECK(recognised("c"s + module + "\n_reconstructor\n(cpatio.broker.tcp.broker\nCallRequest\nc"
                       + builtins + "\nobject\nNtR" + fields + "b.")
            == "f(1,) k=2 0.5");
}

TEST_CASE("pickle::call_reader: copyreg makes a CallRequest and nothing else") {
  auto rebuilt = [](const std::string& args) {
    return refusal("ccopyreg\n_reconstructor\n" + args + "R.");
  };
  std::string cls = "cpatio.broker.tcp.broker\nCallRequest\n", object = "cbuiltins\nobject\n",
              set = "cbuiltins\nset\n";
  CHECK(rebuilt(cls + object + "N\x87") == "byte 81: expected plain data, found a CallRequest");
  CHECK(rebuilt(set + object + "N\x87").ends_with("expected plain data, found a class"));
  CHECK(rebuilt(cls + set + "N\x87").ends_with("expected plain data, found a class"));
  CHECK(rebuilt(cls + object + "K\1\x87").ends_with("expected plain data, found a class"));
  CHECK(rebuilt(cls + object + "\x86").ends_with("expected plain data, found a class"));
  CHECK(rebuilt(")").ends_with("expected a class of plain data"));
  CHECK(
    refusal(cls + object + "N\x87.").ends_with("expected plain data, found a tuple with a class"));
  CHECK(refusal(cls + object + "N\x87\x85.")
          .ends_with("expected plain data, found a tuple with a class"));
  CHECK(refusal(object + ")R.").ends_with("expected a class of plain data"));
}

TEST_CASE("pickle::call_reader: a call must have its four fields with the right types") {
  CHECK(call_of("(Vfunc\nVf\nVargs\n)Vkwargs\n}Vtimeout\nNVextra\nNd") == "f() None");
  CHECK(call_of("}") == "byte 42: expected a CallRequest's field func");
  CHECK(call_of("(Vfunc\nVf\nVargs\n)Vkwargs\n}d")
          .ends_with(": expected a CallRequest's field timeout"));
  CHECK(call_of("(Vfunc\nK\1Vargs\n)Vkwargs\n}Vtimeout\nNd")
          .ends_with(": expected a str as a CallRequest's func, found a int"));
  CHECK(call_of("(Vfunc\nVf\nVargs\n]Vkwargs\n}Vtimeout\nNd")
          .ends_with(": expected a tuple as a CallRequest's args, found a list"));
  CHECK(call_of("(Vfunc\nVf\nVargs\n)Vkwargs\n)Vtimeout\nNd")
          .ends_with(": expected a dict as a CallRequest's kwargs, found a tuple"));
  CHECK(call_of("(Vfunc\nVf\nVargs\n)Vkwargs\n(K\1NdVtimeout\nNd")
          .ends_with(": expected the name of a keyword argument, found a int"));
  CHECK(call_of("N") == "byte 42: expected a dict of fields, found a NoneType");
  CHECK(call_of("(Vfunc\nVf\nVargs\n)Vkwargs\n}Vtimeout\nVsoon\nd")
        == "f() 'soon'"); // protocol/timeout.hpp checks the type
}

TEST_CASE(
  "pickle::call_reader: a call must be the whole pickle, is filled once, and is not a value") {
  auto fields = "(Vfunc\nVf\nVargs\n)Vkwargs\n}Vtimeout\nNd"s;
  CHECK(call_refusal(named_class() + ")\x81.") == "byte 41: a CallRequest without its fields");
  CHECK(call_refusal(named_class() + ").") == "byte 40: expected one value at the end, found 2");
  CHECK(call_refusal("N.") == "byte 1: expected a CallRequest, found a NoneType");
  CHECK(call_refusal("}.") == "byte 1: expected a CallRequest, found a dict");
  CHECK(call_refusal(named_class() + ".") == "byte 39: expected a CallRequest, found a class");
  CHECK(
    call_refusal(with_state(fields + "b" + fields)).ends_with(": a CallRequest is filled twice"));
  CHECK(call_refusal(with_state(fields + "b}(Vfunc\nVg\nVargs\n)Vkwargs\n}Vtimeout\nNu"))
          .ends_with(": a CallRequest is filled twice"));
  CHECK(refusal(with_state(fields)).ends_with(": expected plain data, found a CallRequest"));
  CHECK(refusal("]" + named_class()
                + ")\x81"
                  "a.")
        == "byte 42: expected plain data, found a CallRequest");
  CHECK(call_refusal(named_class() + ")\x81" + named_class() + ")\x81.")
          .ends_with(": expected one CallRequest, found a second"));
  CHECK(call_refusal(named_class()
                     + ")\x81"
                       "2.")
        == "byte 41: a CallRequest is used twice");
  CHECK(call_refusal(named_class() + "K\1\x85\x81.")
        == "byte 42: expected no arguments for a new CallRequest");
  CHECK(call_refusal(named_class() + ")R.").ends_with(": expected a class of plain data"));
}

TEST_CASE("pickle::call_reader: timeouts arrive as they were sent") {
  auto timeout = [](const std::string& pickle) {
    return patio::read_call_request(
             with_state("(Vfunc\nVf\nVargs\n)Vkwargs\n}Vtimeout\n" + pickle + "d"))
      ->timeout;
  };
  CHECK(std::isnan(timeout("Fnan\n").as_real()));
  CHECK(timeout("I01\n").as_bool());
  CHECK(timeout("I-1\n") == value{-1});
  CHECK(timeout("L1180591620717411303424L\n") == value{patio::integer{2}.pow(70)});
}
