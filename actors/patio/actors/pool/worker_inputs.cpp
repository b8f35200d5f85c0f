#include <patio/actors/pool/worker_inputs.hpp>

namespace patio {

std::shared_ptr<const worker_inputs> replaceable_inputs::current() const {
  std::lock_guard lock{mutex_};
  return current_;
}

void replaceable_inputs::replace(worker_inputs next) {
  std::lock_guard lock{mutex_};
  current_ = std::make_shared<const worker_inputs>(std::move(next));
  for (const auto& on_replace : subscribers_) on_replace();
}

void replaceable_inputs::subscribe(std::function<void()> on_replace) {
  std::lock_guard lock{mutex_};
  subscribers_.push_back(std::move(on_replace));
}

} // namespace patio
