#include <patio/value/python_types.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <patio/value/standard_types.hpp>

namespace patio {
namespace {

// The restricted loader of a Python peer refuses these modules.
constexpr std::array<std::string_view, 5> refused_modules{"builtins", "os", "sys", "posix",
                                                          "_winapi"};

bool is_path(std::string_view path) {
  auto fits = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
  return !path.empty() && std::ranges::all_of(path, fits);
}

using path_view = std::pair<std::string_view, std::string_view>;
path_view path_of(const python_types::entry& e) noexcept { return {e.module, e.name}; }

} // namespace

python_types python_types::standard() {
  python_types all;
  return all.add(python_family::datetime)
    .add(python_family::decimal)
    .add(python_family::uuid)
    .add(python_family::ordered_dict);
}

python_types& python_types::add(python_family family) {
  switch (family) {
  case python_family::datetime:
    for (const auto* name : {"datetime", "date", "time", "timedelta", "timezone"})
      add("datetime", name);
    return *this;
  case python_family::decimal: return add("decimal", "Decimal");
  case python_family::uuid: return add("uuid", "UUID");
  default: return add("collections", "OrderedDict");
  }
}

python_types& python_types::add(std::string module, std::string name) {
  if (!is_path(module) || !is_path(name))
    throw std::invalid_argument{"not the path of a class: '" + module + "' '" + name + "'"};
  if (name.find('.') != std::string::npos)
    throw std::invalid_argument{
      module + "." + name
      + " is nested in a class; only classes at the top level of a module are accepted"};
  if (std::ranges::find(refused_modules, module) != refused_modules.end())
    throw std::invalid_argument{"Python peers refuse the classes of module " + module};
  auto standard = detail::find_standard_class(module, name);
  auto at = std::ranges::lower_bound(entries_, path_view{module, name}, {}, path_of);
  if (at == entries_.end() || path_of(*at) != path_view{module, name})
    entries_.insert(at, {std::move(module), std::move(name), standard});
  return *this;
}

const python_types::entry* python_types::find(std::string_view module,
                                              std::string_view name) const noexcept {
  auto at = std::ranges::lower_bound(entries_, path_view{module, name}, {}, path_of);
  return at != entries_.end() && path_of(*at) == path_view{module, name} ? &*at : nullptr;
}

} // namespace patio
