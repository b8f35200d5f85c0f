#include <patio/actors/pool/executors.hpp>

#include <utility>

#include <patio/value/repr.hpp>

namespace patio {

executors::executors(executor default_executor) : all_{std::move(default_executor)} {}

executors::executors(executor default_executor, std::map<std::string, executor> named)
    : executors{std::move(default_executor)} {
  for (auto& [name, e] : named) {
    indices_.emplace(name, all_.size());
    all_.push_back(std::move(e));
  }
}

std::size_t executors::index_of(const registry_entry& function) const {
  const auto& name = function.policy.executor;
  return name.empty() ? 0 : indices_.find(name)->second;
}

std::string executors::names() const {
  if (indices_.empty()) return "the broker has only its default executor";
  std::string text;
  for (const auto& [name, index] : indices_)
    text += (text.empty() ? "" : ", ") + patio::quoted(name);
  return "besides its default executor, the broker has " + text;
}

result<void> executors::check() const {
  for (const auto& [name, index] : indices_) {
    if (name.empty()) return fail(errc::invalid, "the name of an executor must not be empty");
    if (!all_[index].functions().shares_table(functions()))
      return fail(errc::invalid, "the executor " + patio::quoted(name)
                                   + " must run functions of the same registry as the default "
                                     "executor, but has another registry");
  }
  for (const auto& function : functions().names()) {
    const auto& wanted = functions().find(function)->policy.executor;
    if (!wanted.empty() && !indices_.contains(wanted))
      return fail(errc::invalid, "the function " + patio::quoted(function) + " names the executor "
                                   + patio::quoted(wanted) + ", which does not exist; " + names());
  }
  return {};
}

void task_batches::add(task_ptr t) {
  auto index = targets_.index_of(*t->entry);
  batches_[index].push_back(std::move(t));
}

void task_batches::submit() {
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    if (batches_[i].empty()) continue;
    auto tasks = std::move(batches_[i]);
    targets_.at(i).run(tasks);
    tasks.clear();
    batches_[i] = std::move(tasks); // keeps the memory
  }
}

} // namespace patio
