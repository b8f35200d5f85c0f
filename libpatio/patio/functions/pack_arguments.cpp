#include <patio/functions/pack_arguments.hpp>

namespace patio::detail {

void add_keyword(arguments& call, std::string name, value argument) {
  auto is_same = [&](const auto& keyword) { return keyword.first == name; };
  if (std::ranges::any_of(call.keywords, is_same))
    throw std::invalid_argument{"keyword argument repeated: '" + name + "'"};
  call.keywords.emplace_back(std::move(name), std::move(argument));
}

} // namespace patio::detail
