#include <patio/functions/function.hpp>

#include <algorithm>
#include <stdexcept>

#include <patio/value/repr.hpp>

namespace patio {

run_policy policy_of(const std::string& name, const function_options& options) {
  auto refuse = [&](const std::string& why) { throw std::invalid_argument{name + "(): " + why}; };
  if (options.max_concurrency == 0)
    refuse("max_concurrency must be at least 1, not 0: with 0 no call could ever run");
  if (options.quick && options.max_concurrency)
    refuse("a quick function cannot have max_concurrency, because it runs without a queue");
  if (options.timeout && *options.timeout <= std::chrono::nanoseconds::zero())
    refuse("timeout must be more than 0 s, because with less no call could ever run");
  return {options.executor, options.max_concurrency, options.timeout, options.priority};
}

} // namespace patio

namespace patio::detail {
namespace {

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += names.size() == 2 ? " and " : i + 1 == names.size() ? ", and " : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

/// Names a parameter of the C++ type in an error.
std::string shown(const parameter& p) {
  if (p.takes == parameter::role::variable) return "patio::args";
  return p.takes == parameter::role::keywords ? "patio::kwargs" : p.type;
}

std::string plural(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

} // namespace

binder::binder(declaration declared, std::vector<parameter> parameters)
    : name_{declared.name}, parameters_{std::move(parameters)} {
  for (const auto& p : parameters_) {
    if (p.takes == parameter::role::variable) takes_rest_ = true;
    else if (p.takes == parameter::role::keywords) takes_keywords_ = true;
    else ++positional_;
  }
  apply(declared);
  name_the_rest();
  require_order_of_defaults();
}

void binder::refuse(const std::string& why) const {
  throw std::invalid_argument{name_ + "() " + why};
}

void binder::apply(const declaration& declared) {
  auto count = declared.parameters.size();
  if (count > parameters_.size() || (declared.is_complete && count < parameters_.size()))
    refuse("has " + plural(parameters_.size(), "parameter") + " in C++, but "
           + std::to_string(count) + (count == 1 ? " is" : " are") + " declared");
  for (const auto& text : declared.parameters) apply(parse_parameter(name_, text), names_.size());
}

void binder::apply(declared_parameter declared, std::size_t index) {
  auto& p = parameters_[index];
  unsigned stars = p.takes == parameter::role::variable   ? 1
                   : p.takes == parameter::role::keywords ? 2
                                                          : 0;
  if (declared.stars != stars)
    refuse("has the C++ parameter " + shown(p) + " where " + std::string(declared.stars, '*')
           + declared.name + " is declared");
  if (std::ranges::find(names_, declared.name) != names_.end())
    refuse("has two parameters named '" + declared.name + "'");
  if (declared.default_value) {
    p.takes = parameter::role::optional;
    p.default_value = std::move(*declared.default_value);
    p.has_default = true;
  }
  names_.push_back(std::move(declared.name));
}

void binder::name_the_rest() {
  for (auto i = names_.size(); i < parameters_.size(); ++i) {
    auto takes = parameters_[i].takes;
    names_.push_back(takes == parameter::role::variable   ? "args"
                     : takes == parameter::role::keywords ? "kwargs"
                                                          : "arg" + std::to_string(i + 1));
  }
}

// In Python, only parameters with a default may follow a parameter with a default.
void binder::require_order_of_defaults() const {
  const parameter* with_default = nullptr;
  for (std::size_t i = 0; i < positional_; ++i) {
    const auto& p = parameters_[i];
    if (p.has_default) with_default = &p;
    if (with_default && p.takes == parameter::role::required)
      refuse("has the parameter '" + names_[i] + "' without a default after one with a default");
  }
}

const value* binder::default_of(std::size_t index) const noexcept {
  const auto& p = parameters_[index];
  return p.has_default ? &p.default_value : nullptr;
}

void binder::refuse_default(std::size_t index, const error& why) const {
  refuse("has a default for '" + names_[index] + "' that " + why.message);
}

error binder::type_error(const std::string& text) const {
  return {errc::remote_error, "wrong arguments",
          value::exception("builtins.TypeError", {name_ + "() " + text})};
}

error binder::bad_argument(std::size_t index, const error& why) const {
  const auto& name = names_[index];
  bool is_part = begins_with_place(why);
  return type_error("argument " + (is_part ? name : "'" + name + "' ") + why.message);
}

error binder::too_many(std::size_t given) const {
  auto required = static_cast<std::size_t>(
    std::count_if(parameters_.begin(), parameters_.end(),
                  [](const parameter& p) { return p.takes == parameter::role::required; }));
  auto range = required == positional_ ? plural(positional_, "positional argument")
                                       : "from " + std::to_string(required) + " to "
                                           + std::to_string(positional_) + " positional arguments";
  return type_error("takes " + range + " but " + std::to_string(given)
                    + (given == 1 ? " was" : " were") + " given");
}

error binder::missing(const std::vector<value>& slots, const std::vector<bool>& filled) const {
  std::vector<std::string> absent;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!filled[i] && parameters_[i].takes == parameter::role::required)
      absent.push_back(names_[i]);
  return type_error("missing " + plural(absent.size(), "required positional argument") + ": "
                    + quoted_list(absent));
}

result<void> binder::bind_keywords(arguments& call, std::vector<value>& slots,
                                   std::vector<bool>& filled) const {
  std::vector<std::pair<std::string, value>> rest;
  for (auto& [name, v] : call.keywords) {
    auto index =
      static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    if (index >= positional_) {
      if (!takes_keywords_)
        return tl::unexpected(type_error("got an unexpected keyword argument '" + name + "'"));
      rest.emplace_back(std::move(name), std::move(v));
    } else if (filled[index]) {
      return tl::unexpected(type_error("got multiple values for argument '" + name + "'"));
    } else {
      slots[index] = std::move(v);
      filled[index] = true;
    }
  }
  call.keywords = std::move(rest);
  return {};
}

result<std::vector<value>> binder::bind(arguments& call) const {
  auto given = call.positional.size();
  if (bool is_complete = given == positional_ && given == parameters_.size();
      is_complete && call.keywords.empty())
    return std::move(call.positional);
  std::vector<value> slots(parameters_.size());
  std::vector<bool> filled(parameters_.size());
  auto direct = std::min(given, positional_);
  std::move(call.positional.begin(), call.positional.begin() + static_cast<std::ptrdiff_t>(direct),
            slots.begin());
  std::fill_n(filled.begin(), direct, true);
  call.positional.erase(call.positional.begin(),
                        call.positional.begin() + static_cast<std::ptrdiff_t>(direct));
  if (!call.keywords.empty())
    if (auto bound = bind_keywords(call, slots, filled); !bound)
      return tl::unexpected(std::move(bound.error()));
  // CPython checks the keywords before the number of positional arguments. So does this function.
  if (given > positional_ && !takes_rest_) return tl::unexpected(too_many(given));
  for (std::size_t i = direct; i < slots.size(); ++i) {
    if (filled[i]) continue;
    if (parameters_[i].takes == parameter::role::required)
      return tl::unexpected(missing(slots, filled));
    slots[i] = parameters_[i].default_value;
  }
  return slots;
}

std::string binder::signature() const {
  std::string text;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& p = parameters_[i];
    if (i > 0) text += ", ";
    text += i < positional_ ? names_[i] + ": " + p.type : p.type + names_[i];
    if (p.has_default) text += " = " + brief(p.default_value);
  }
  return "(" + text + ")";
}

} // namespace patio::detail
