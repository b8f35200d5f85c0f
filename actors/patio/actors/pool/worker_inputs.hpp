/// What the worker processes of a pool get at their start besides the handshake. It can be replaced
/// while the pool runs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <patio/actors/os/socket.hpp>
#include <patio/base/api.hpp>

namespace patio {

/// A value: copies share the files.
struct worker_inputs {
  /// Arguments of the worker's main function, from argv[2] on.
  std::vector<std::string> arguments = {};
  /// A worker has these files as descriptors `first_worker_file`, the next number and so on.
  std::vector<std::shared_ptr<const unique_fd>> files = {};
};

inline constexpr int first_worker_file = 5;

/// The inputs of the workers of one or more pools. Any thread may call the functions.
class PATIO_INTERNAL_API replaceable_inputs {
public:
  explicit replaceable_inputs(worker_inputs first)
      : current_{std::make_shared<const worker_inputs>(std::move(first))} {}

  [[nodiscard]] std::shared_ptr<const worker_inputs> current() const;
  /// Gives other inputs to the workers. A worker that has the old ones gets no further calls,
  /// completes the call that it has begun, and ends. No call is lost. The workers' functions must
  /// keep their names and signatures.
  void replace(worker_inputs next);

  /// Has `on_replace` called after each replacement.
  void subscribe(std::function<void()> on_replace);

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const worker_inputs> current_;
  std::vector<std::function<void()>> subscribers_;
};

} // namespace patio
