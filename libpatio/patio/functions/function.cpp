#include <patio/functions/function.hpp>

#include <algorithm>
#include <stdexcept>

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

std::string plural(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

} // namespace

binder::binder(std::string name, std::vector<std::string> names, std::vector<parameter> parameters)
    : name_{std::move(name)}, names_{std::move(names)}, parameters_{std::move(parameters)} {
  for (const auto& p : parameters_) {
    if (p.takes == parameter::role::variable) takes_rest_ = true;
    else if (p.takes == parameter::role::keywords) takes_keywords_ = true;
    else ++positional_;
  }
  if (names_.size() > parameters_.size())
    throw std::invalid_argument{name_ + "() has " + plural(parameters_.size(), "parameter")
                                + ", but " + std::to_string(names_.size()) + " names"};
  for (auto at = names_.begin(); at != names_.end(); ++at)
    if (std::find(names_.begin(), at, *at) != at)
      throw std::invalid_argument{name_ + "() has two parameters named '" + *at + "'"};
  for (auto i = names_.size(); i < positional_; ++i)
    names_.push_back("arg" + std::to_string(i + 1));
}

error binder::type_error(const std::string& text) const {
  return {errc::remote_error, "wrong arguments",
          value::exception("builtins.TypeError", {name_ + "() " + text})};
}

error binder::bad_argument(std::size_t index, const error& why) const {
  return type_error("argument '" + names_[index] + "' " + why.message);
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
  for (std::size_t i = direct; i < slots.size(); ++i)
    if (!filled[i] && parameters_[i].takes == parameter::role::required)
      return tl::unexpected(missing(slots, filled));
  return slots;
}

std::string binder::signature() const {
  std::string text;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (i > 0) text += ", ";
    auto takes = parameters_[i].takes;
    bool single = takes == parameter::role::required || takes == parameter::role::optional;
    text += single ? names_[i] + ": " + parameters_[i].type : parameters_[i].type;
  }
  return "(" + text + ")";
}

} // namespace patio::detail
