#include "peer_functions.hpp"

#include <stdexcept>

namespace patio::tests {
namespace {

/// Python peers do not know this type.
struct house_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

value echo(args xs, kwargs named) {
  if (xs.size() == 1 && named.empty()) return xs.front();
  std::vector<dict_entry> entries;
  for (auto& [name, v] : named) entries.emplace_back(name, v);
  return value::tuple({value::tuple(std::move(xs)), value::dict(std::move(entries))});
}

std::int64_t lookup(const std::string& key) {
  if (key != "a") throw python_error{"KeyError", {key}};
  return 1;
}

double divide(double a, double b) {
  if (b == 0) throw python_error{"ZeroDivisionError", {"division by zero"}};
  return a / b;
}

} // namespace

registry peer_functions(const broker_slot& back) {
  registry rpc{{.project = "interop", .auto_naming = false}};
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; }, {.parameters = {"a", "b"}});
  rpc.add("mul", [](args xs) {
    std::int64_t product = 1;
    for (const auto& x : xs) product *= from_value<std::int64_t>(x).value();
    return product;
  });
  rpc.add("div", divide, {.parameters = {"a", "b"}});
  rpc.add("echo", echo);
  rpc.add("lookup", lookup);
  rpc.add("house", [](const std::string& text) { throw house_error{text}; });
  auto never_answered = std::make_shared<std::vector<reply_to<std::int64_t>>>();
  rpc.add("never",
          [never_answered](reply_to<std::int64_t> r) { never_answered->push_back(std::move(r)); });
  rpc.add("call_back", [back](reply_to<value> answer, const std::string& name, args xs) {
    auto shared = std::make_shared<reply_to<value>>(std::move(answer));
    call_async(back->value(), {name, {std::move(xs), {}}, {}}, {}, [shared](result<value> r) {
      if (r) shared->answer(*r);
      else shared->fail(r.error());
    });
  });
  return rpc;
}

} // namespace patio::tests
