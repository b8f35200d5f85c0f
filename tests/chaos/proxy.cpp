#include "proxy.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "link.hpp"
#include "listening.hpp"

namespace patio::chaos {
namespace {

template <class T>
T or_throw(result<T> r) {
  if (!r) throw std::runtime_error{to_string(r.error())};
  return std::move(*r);
}

} // namespace

proxy::proxy(const endpoint& server, const fault_options& options)
    : options_{options}, server_{or_throw(resolve(server, false)).front()},
      listener_{tests::bound_socket({"127.0.0.1", 0})}, wake_{::eventfd(0, EFD_CLOEXEC
                                                                             | EFD_NONBLOCK)},
      where_{local_endpoint(listener_.get())}, thread_{[this] { run(); }} {}

proxy::~proxy() {
  stopping_ = true;
  wake();
  thread_.join();
}

void proxy::stop_faults() {
  without_faults_ = true;
  wake();
}

std::array<std::uint64_t, fault_kinds> proxy::faults() const {
  std::array<std::uint64_t, fault_kinds> counts;
  for (std::size_t i = 0; i < fault_kinds; ++i) counts[i] = faults_[i];
  return counts;
}

void proxy::wake() {
  std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void proxy::run() {
  while (!stopping_) {
    wait();
    accept_all();
    auto now = clock::now();
    std::erase_if(links_, [&](auto& l) { return !l->step(now, without_faults_); });
  }
  links_.clear();
}

void proxy::wait() {
  std::vector<pollfd> fds{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  auto wake_at = clock::time_point::max();
  for (const auto& l : links_) l->prepare(fds, wake_at);
  int patience_ms = -1;
  if (wake_at != clock::time_point::max())
    patience_ms = static_cast<int>(std::max<std::int64_t>(
      0, std::chrono::ceil<std::chrono::milliseconds>(wake_at - clock::now()).count()));
  (void)::poll(fds.data(), fds.size(), patience_ms);
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
}

void proxy::accept_all() {
  for (;;) {
    unique_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!client) return;
    auto server = begin_connect(server_);
    if (!server) continue; // without a server the client is closed as well
    auto on_fault = [this](fault kind, std::uint64_t at) {
      ++faults_[static_cast<std::size_t>(kind)];
      if (at < login_bytes) ++login_faults_;
    };
    links_.push_back(std::make_unique<link>(std::move(client), std::move(*server), options_,
                                            accepted_++, on_fault));
  }
}

} // namespace patio::chaos
