#include "good_clients.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include <patio/actors/os/socket.hpp>
#include <patio/base/digest.hpp>
#include <patio/protocol/login.hpp>
#include <patio/protocol/session.hpp>
#include <patio/value/repr.hpp>

using namespace std::chrono_literals;

namespace patio::tests {

using namespace protocol;
namespace {

using clock = std::chrono::steady_clock;

constexpr auto between_calls = 10ms; ///< of one client
constexpr auto call_timeout = 5s, connect_timeout = 5s;
constexpr int calls_per_connection = 200;

double milliseconds(clock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

struct known_call {
  call_request request;
  value answer; ///< None stands for any answer
};

constexpr int calls_per_large_call = 100; ///< of one client

const known_call& large_call() {
  static const value text{
    std::string(std::size_t{64} << 10, 'x')}; // large enough for the decoder thread
  static const known_call echo{{"echo", {{text}, {}}, 5}, text};
  return echo;
}

const std::array<known_call, 4>& small_calls() {
  static const std::array<known_call, 4> all{
    {{{"mul", {{6, 7}, {}}, 5}, 42},
     {{"echo", {{value::list({1, "two", 3.0})}, {}}, 5}, value::list({1, "two", 3.0})},
     {{"sub", {{44, 2}, {}}, 5}, 42},
     {{"whoami", {{}, {}}, 5}, {}}}};
  return all;
}

} // namespace

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  auto last = static_cast<double>(samples.size() - 1);
  auto at = samples.begin() + static_cast<std::ptrdiff_t>(share * last);
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

class good_clients::client final {
public:
  client(good_clients& all, clock::time_point first) : all_{all}, due_{first} {}

  [[nodiscard]] clock::time_point due() const noexcept { return due_; }
  [[nodiscard]] pollfd interest() const noexcept {
    bool writes = fd_ && (!connected_ || !session_->output().bytes().empty());
    return {fd_.get(), static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0};
  }

  void act(short events, clock::time_point now) {
    if (!fd_) {
      if (now >= due_) dial(now);
      return;
    }
    if (!connected_ && (events & (POLLOUT | POLLERR | POLLHUP)) != 0) {
      if (auto done = finish_connect(fd_.get()); !done)
        return fail("connect: " + done.error().message, now);
      connected_ = true;
    }
    if (connected_ && events != 0) read(now);
    if (fd_ && now >= due_) next(now);
    if (fd_ && connected_) write();
  }

private:
  void handle(session_ready&) {
    auto now = clock::now();
    all_.outcome_.connect_ms.push_back(milliseconds(now - begun_));
    due_ = now;
  }
  void handle(request_ended& event) {
    const auto& r = event.outcome;
    auto now = clock::now();
    calling_ = false;
    due_ = now + between_calls;
    const auto& wanted = current_call().answer;
    if (!r) return all_.outcome_.failures.push_back(to_string(r.error()));
    if (!wanted.is_none() && *r != wanted)
      return all_.outcome_.failures.push_back("another answer: " + brief(*r));
    auto& samples = is_large() ? all_.outcome_.large_call_ms : all_.outcome_.call_ms;
    samples.push_back(milliseconds(now - begun_));
  }
  void handle(session_closed& event) { closed_ = text_of(event.why); }
  void handle(refused_input& event) { closed_ = text_of(event.why); }
  template <class Other>
  void handle(Other&) {}

  void receive(std::string_view bytes) {
    session_->feed(bytes);
    for (bool more = true; more;) {
      more = session_->next();
      for (auto& events = session_->events(); !events.empty(); events.pop())
        std::visit([this](auto& event) { handle(event); }, events.front());
    }
  }

  [[nodiscard]] bool is_large() const noexcept {
    return calls_made_ % calls_per_large_call == calls_per_large_call / 2;
  }
  [[nodiscard]] const known_call& current_call() const {
    return is_large() ? large_call()
                      : small_calls()[static_cast<std::size_t>(calls_made_) % small_calls().size()];
  }

  void dial(clock::time_point now) {
    fd_ = std::move(*begin_connect(resolve(all_.node_, false).value().front()));
    connected_ = calling_ = false;
    calls_made_ = 0;
    closed_.clear();
    session_ = std::make_unique<session>(
      role::client, std::make_shared<const session_options>(session_options{all_.key_, {}, {}}),
      random_bytes(salt_size));
    begun_ = now;
    due_ = now + connect_timeout;
  }

  void next(clock::time_point now) {
    if (session_->state() != session::state::ready) return fail("no login in time", now);
    if (calling_) return fail("no answer in time", now);
    if (++calls_made_ > calls_per_connection) return hang_up(now);
    calling_ = true;
    begun_ = now;
    due_ = now + call_timeout;
    if (auto sent = session_->request(1, current_call().request); !sent)
      fail("not sent: " + sent.error().message, now);
  }

  void read(clock::time_point now) {
    char chunk[16'384];
    auto n = ::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) receive({chunk, static_cast<std::size_t>(n)});
    if (n <= 0 || !closed_.empty()) fail("the connection was closed: " + closed_, now);
  }

  void write() {
    auto& out = session_->output().bytes();
    if (out.empty()) return;
    auto n = ::send(fd_.get(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0) return;
    session_->output().taken(static_cast<std::size_t>(n));
    out.erase(0, static_cast<std::size_t>(n));
  }

  void fail(std::string why, clock::time_point now) {
    all_.outcome_.failures.push_back(std::move(why));
    hang_up(now + 100ms);
  }
  void hang_up(clock::time_point again) {
    fd_ = {};
    due_ = again;
  }

  good_clients& all_;
  clock::time_point due_, begun_{};
  unique_fd fd_;
  std::unique_ptr<session> session_;
  bool connected_ = false, calling_ = false;
  int calls_made_ = 0;
  std::string closed_;
};

good_clients::good_clients(endpoint node, std::string key, std::size_t count)
    : node_{std::move(node)}, key_{std::move(key)} {
  for (std::size_t i = 0; i < count; ++i) // spread over the interval between two calls
    all_.push_back(std::make_unique<client>(*this, clock::now() + between_calls * i / count));
}

good_clients::~good_clients() = default;

good_outcome good_clients::run_until(clock::time_point end) {
  outcome_ = {};
  std::vector<pollfd> fds;
  for (auto now = clock::now(); now < end; now = clock::now()) {
    auto next = end;
    fds.clear();
    for (const auto& c : all_) {
      fds.push_back(c->interest());
      next = std::min(next, c->due());
    }
    auto wait = std::max(next - now, clock::duration{0});
    timespec patience{wait / 1s, (wait % 1s).count()};
    (void)::ppoll(fds.data(), fds.size(), &patience, nullptr);
    now = clock::now();
    for (std::size_t i = 0; i < fds.size(); ++i) all_[i]->act(fds[i].revents, now);
  }
  return std::move(outcome_);
}

} // namespace patio::tests
