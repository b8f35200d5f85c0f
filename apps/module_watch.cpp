#include "module_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <exception>

#include <patio/actors/os/log.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/pool/process_messages.hpp>

#include "serve.hpp"

namespace patio::apps {
namespace {

constexpr int look_again_ms = 1000; ///< for a folder that has been removed

void log_refusal(const std::string& reason) {
  log(log_level::error,
      "event=module reason=\"" + printable(reason) + "; the old version stays in use\"");
}

} // namespace

module_watch::module_watch(file_watch files, std::vector<task_module> modules, bool demo,
                           std::shared_ptr<replaceable_inputs> inputs)
    : files_{std::move(files)}, modules_{std::move(modules)}, demo_{demo},
      inputs_{std::move(inputs)}, end_{::eventfd(0, EFD_CLOEXEC)}, thread_{[this] { run(); }} {}

module_watch::~module_watch() {
  (void)::eventfd_write(end_.get(), 1);
  thread_.join();
}

void module_watch::run() {
  block_signals();
  pollfd watched[] = {{files_.descriptor(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
  for (;;) {
    (void)::poll(watched, 2, files_.is_incomplete() ? look_again_ms : -1);
    if (watched[1].revents != 0) return;
    try {
      replace(files_.take_replaced());
    } catch (const std::exception& e) { // out of memory
      log_refusal(e.what());
    }
  }
}

void module_watch::replace(const std::vector<std::size_t>& numbers) {
  for (auto number : numbers) {
    auto& m = modules_[number];
    if (auto ok = open_again(m); !ok) {
      log_refusal(ok.error().message);
      continue;
    }
    inputs_->replace(inputs_of(modules_, demo_));
    print_line("replaced " + m.image.path);
  }
}

result<void> module_watch::open_again(task_module& m) {
  auto opened = open_module(m.image.path);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  if (auto differs = first_difference(m.functions, opened->functions))
    return fail(errc::invalid, "module '" + m.image.path + "': " + *differs
                                 + "; restart the node to serve other functions");
  m = std::move(*opened);
  return {};
}

} // namespace patio::apps
