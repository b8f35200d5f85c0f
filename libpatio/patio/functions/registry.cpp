#include <patio/functions/registry.hpp>

#include <algorithm>
#include <stdexcept>

#include <patio/base/digest.hpp>
#include <patio/base/utf8.hpp>
#include <patio/value/repr.hpp>

namespace patio {

registry_entry detail::entry_of(const declaration& declared, function_options options) {
  auto policy = policy_of(declared.name, options);
  return {.name = declared.name,
          .signature = {},
          .run = {},
          .quick = options.quick,
          .identity = {},
          .policy = std::move(policy),
          .doc = std::move(options.doc)};
}

struct registry::table {
  registry_options options;
  std::vector<std::unique_ptr<registry_entry>> order;
  /// The keys are views of the entries' own names.
  std::unordered_map<std::string_view, const registry_entry*> by_name;
  bool locked = false;
};

registry::registry(registry_options options) : table_{std::make_shared<table>()} {
  table_->options = std::move(options);
}

void registry::require_unlocked() const {
  if (table_->locked)
    throw std::logic_error{"Registry locked: add and remove functions before a broker serves them"};
}

std::string registry::insert(registry_entry entry, std::optional<function_identity> identity) {
  require_unlocked();
  if (entry.name.empty() || entry.name.size() > max_name)
    throw std::invalid_argument{"a function's name must have 1 to " + std::to_string(max_name)
                                + " bytes, not " + std::to_string(entry.name.size())};
  if (!is_utf8(entry.name))
    throw std::invalid_argument{"a function's name must be UTF-8, not " + brief(value{entry.name})};
  if (entry.doc.size() > max_doc || !is_utf8(entry.doc))
    throw std::invalid_argument{entry.name + "(): doc must be UTF-8 of at most "
                                + std::to_string(max_doc) + " bytes"};
  if (find(entry.name))
    throw std::invalid_argument{"Task with name '" + entry.name + "' already registered"};
  entry.identity = identity;
  auto owned = std::make_unique<registry_entry>(std::move(entry));
  table_->by_name.emplace(owned->name, owned.get());
  table_->order.push_back(std::move(owned));
  return table_->order.back()->name;
}

std::unique_ptr<registry_entry>& registry::changeable(std::string_view name) {
  require_unlocked();
  auto at = std::find_if(table_->order.begin(), table_->order.end(),
                         [&](const auto& e) { return e->name == name; });
  if (at == table_->order.end())
    throw std::out_of_range{"no function '" + std::string{name} + "' in the registry"};
  return *at;
}

void registry::remove(std::string_view name) {
  auto& removed = changeable(name);
  table_->by_name.erase(removed->name);
  table_->order.erase(table_->order.begin() + (&removed - table_->order.data()));
}

void registry::set_executor(std::string_view name, std::string executor) {
  auto& entry = changeable(name);
  entry->policy.executor = std::move(executor);
  entry->quick = false;
}

const registry_entry* registry::find(std::string_view name) const {
  auto at = table_->by_name.find(name);
  return at == table_->by_name.end() ? nullptr : at->second;
}

std::vector<std::string> registry::names_of(const function_identity& identity) const {
  std::vector<std::string> names;
  for (const auto& entry : table_->order)
    if (entry->identity == identity) names.push_back(entry->name);
  return names;
}

std::vector<std::string> registry::names() const {
  std::vector<std::string> names;
  for (const auto& entry : table_->order) names.push_back(entry->name);
  return names;
}

const immediate_function* quick_run(const registry_entry& entry, const arguments& args) noexcept {
  if (!entry.quick || weight_of(args) > 1024) return nullptr;
  return std::get_if<immediate_function>(&entry.run);
}

std::size_t registry::size() const noexcept { return table_->order.size(); }
const registry_options& registry::options() const noexcept { return table_->options; }
void registry::lock() noexcept { table_->locked = true; }
bool registry::is_locked() const noexcept { return table_->locked; }

registry registry::clone() const {
  registry copy{table_->options};
  for (const auto& entry : table_->order) copy.insert(*entry, entry->identity);
  return copy;
}

std::string registry::make_name(std::string_view function, std::string_view signature) const {
  if (!table_->options.auto_naming)
    throw std::invalid_argument{"auto_naming is disabled, name parameter is required"};
  std::string name = table_->options.project ? *table_->options.project + "." : "";
  // gcc writes an unnamed namespace in the first way, clang in the second.
  for (std::string_view unnamed : {"{anonymous}::", "(anonymous namespace)::"})
    if (function.starts_with(unnamed)) function.remove_prefix(unnamed.size());
  for (std::size_t i = 0; i < function.size(); ++i) {
    bool scope = function.substr(i).starts_with("::");
    name += scope ? '.' : function[i];
    if (scope) ++i;
  }
  if (table_->options.strict) name += "." + base64(blake2s(signature, "", ""));
  return name;
}

} // namespace patio
