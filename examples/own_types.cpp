// A C++ struct that is a dataclass for Python peers, with a time point that is a datetime. The
// Python side is in call_own_types.py and shop.py.
#include <iostream>

#include <patio/patio.hpp>
#include <patio/python_values.hpp>

struct order {
  std::int64_t id = 0;
  std::vector<std::string> items;
  std::chrono::sys_time<std::chrono::microseconds> placed;
};
PATIO_FIELDS(order, id, items, placed);
template <>
inline constexpr auto patio::python_class<order> = patio::class_path{"shop", "Order"};

int main() {
  patio::service svc{{.types = patio::python_types::standard().add("shop", "Order")}};
  svc.add("split", [](const order& whole) {
    std::vector<order> parts;
    for (const auto& item : whole.items)
      parts.push_back({whole.id, {item}, whole.placed + std::chrono::hours{1}});
    return parts;
  });
  std::cout << "listening on " << patio::to_string(svc.listen("127.0.0.1:0")) << std::endl;
  svc.run();
}
