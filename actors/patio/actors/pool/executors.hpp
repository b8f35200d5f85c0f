/// The executors of a broker: a default executor, and others by name. A function runs in the
/// executor that its options name (function_options::executor).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <patio/actors/pool/executor.hpp>
#include <patio/base/api.hpp>

namespace PATIO_API patio {

/// A handle: copies share the pools. All executors run functions of one registry.
class executors {
public:
  // One executor is also the executors of a broker, so the conversion is implicit.
  executors(executor default_executor); // NOLINT(google-explicit-constructor)
  executors(executor default_executor, std::map<std::string, executor> named);

  /// Returns the registry of the default executor.
  [[nodiscard]] const registry& functions() const noexcept { return all_.front().functions(); }
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  [[nodiscard]] const executor& at(std::size_t index) const { return all_[index]; }
  /// Returns the names and indices of the named executors.
  [[nodiscard]] const std::map<std::string, std::size_t, std::less<>>& indices() const noexcept {
    return indices_;
  }
  /// Returns the index of the executor that runs the function. `check` has succeeded before.
  [[nodiscard]] std::size_t index_of(const registry_entry& function) const;

  /// Fails with errc::invalid if a function names an executor that does not exist, or if a named
  /// executor has no name or runs functions of another registry.
  [[nodiscard]] result<void> check() const;

private:
  [[nodiscard]] std::string names() const;

  std::vector<executor> all_; ///< the first is the default
  std::map<std::string, std::size_t, std::less<>> indices_;
};

/// Tasks on their way to executors. Each executor gets all its tasks with one hand-over.
class task_batches {
public:
  explicit task_batches(executors targets)
      : targets_{std::move(targets)}, batches_(targets_.size()) {}

  [[nodiscard]] const registry& functions() const noexcept { return targets_.functions(); }
  void add(task_ptr t);
  /// Hands the tasks over.
  void submit();

private:
  executors targets_;
  std::vector<std::vector<task_ptr>> batches_; ///< by executor
};

} // namespace patio
