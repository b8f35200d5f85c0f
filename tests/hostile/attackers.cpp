#include "attackers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include <patio/actors/os/socket.hpp>
#include <patio/protocol/login.hpp>

#include "attack.hpp"
#include "raw_peer.hpp"

using namespace std::chrono_literals;

namespace patio::tests {

using namespace protocol;
namespace {

using clock = std::chrono::steady_clock;

/// The bytes of one send are limited, because the kernel copies them on a processor that the good
/// clients need.
constexpr std::size_t max_send_bytes = 32'768;

/// Returns the frames between the proof of the key and the first request. They can be sent at once,
/// because the serials of a node that has accepted a connection are known.
std::string discovery(const std::string& names) {
  return frame_of(packet::discover_request, 2, "\x80\x05N.")
         + frame_of(packet::discover_response, 3, names);
}

unique_fd begin_connect_from(std::uint32_t source, const endpoint& node) {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  sockaddr_in from{}, where{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(source);
  where.sin_family = AF_INET;
  where.sin_port = htons(node.port);
  (void)::inet_pton(AF_INET, node.host.c_str(), &where.sin_addr);
  int little = 4096; // most of the unread bytes then stay with the node
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) return {};
  (void)::connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where);
  return fd;
}

} // namespace

class attackers::attacker {
public:
  attacker(attackers& all, std::uint32_t source, clock::time_point first)
      : all_{all}, source_{source}, due_{first} {}

  /// Returns the latest time of the next act().
  [[nodiscard]] clock::time_point due() const noexcept { return due_; }

  [[nodiscard]] pollfd interest() const noexcept {
    bool writes = fd_ && sent_ < to_send_.size() && plan_->interval == 0ms;
    bool reads = fd_ && (!logged_in_ || plan_->reads);
    return {fd_.get(), static_cast<short>((writes ? POLLOUT : 0) | (reads ? POLLIN : 0)), 0};
  }

  void act(short events, clock::time_point now) {
    if (!fd_) {
      if (now >= due_) begin(now);
      return;
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !read()) return end(now);
    if ((events & POLLOUT) != 0) send(max_send_bytes, now);
    if (fd_ && now >= due_) continue_or_end(now);
  }

private:
  void begin(clock::time_point now) {
    plan_ = draw_attack(all_.random_);
    ++all_.tally_[plan_->name];
    fd_ = begin_connect_from(source_, all_.node_);
    received_.clear();
    half_closed_ = false;
    logged_in_ = plan_->login == attack::login_kind::none;
    to_send_ = logged_in_ ? plan_->bytes : std::string{};
    sent_ = 0;
    // The attack ends if the node sends no challenge within 8 s.
    auto wait = plan_->interval > 0ms ? plan_->interval : clock::duration{8s};
    if (logged_in_ && to_send_.empty()) wait = plan_->delay;
    due_ = now + wait;
  }

  /// Returns false at the end of the stream.
  bool read() {
    char chunk[65'536];
    auto n = ::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN;
    if (!logged_in_) received_.append(chunk, static_cast<std::size_t>(n));
    if (!logged_in_ && received_.size() >= frame_header::size_on_wire) log_in();
    return n > 0;
  }

  void log_in() {
    auto header = read_header(std::string_view{received_}.substr(0, frame_header::size_on_wire));
    if (received_.size() < frame_header::size_on_wire + header.size) return;
    logged_in_ = true;
    auto challenge = received_.substr(frame_header::size_on_wire, header.size);
    auto answer = login_answer(
      challenge, plan_->login == attack::login_kind::wrong ? "another key" : all_.key_, "salt");
    if (plan_->login == attack::login_kind::replayed && !recorded_.empty()) answer = recorded_;
    recorded_ = answer;
    to_send_ = frame_of(packet::auth_request, 1, answer) + discovery(plan_->names) + plan_->bytes;
  }

  void send(std::size_t max, clock::time_point now) {
    auto rest = std::string_view{to_send_}.substr(sent_, max);
    auto n = ::send(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return end(now);
    sent_ += static_cast<std::size_t>(n);
    if (sent_ == to_send_.size()) due_ = now + plan_->delay;
  }

  void continue_or_end(clock::time_point now) {
    if (sent_ == to_send_.size() || plan_->interval == 0ms) return end_as_planned(now);
    send(1, now);
    if (sent_ < to_send_.size()) due_ = now + plan_->interval;
  }

  void end_as_planned(clock::time_point now) {
    if (plan_->end == attack::end_kind::half_close && !std::exchange(half_closed_, true)) {
      (void)::shutdown(fd_.get(), SHUT_WR);
      due_ = now + 1s;
      return;
    }
    linger hard{1, 0};
    if (plan_->end == attack::end_kind::reset)
      (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    end(now);
  }

  void end(clock::time_point now) {
    fd_ = {};
    due_ = now + 500ms + std::chrono::milliseconds{all_.random_() % 1000};
  }

  attackers& all_;
  std::uint32_t source_; ///< IPv4 address
  clock::time_point due_;
  std::optional<attack> plan_;
  unique_fd fd_;
  std::string received_, to_send_, recorded_;
  std::size_t sent_ = 0; ///< of to_send_
  bool logged_in_ = false, half_closed_ = false;
};

attackers::attackers(endpoint node, std::string key, std::size_t count, std::uint64_t seed)
    : node_{std::move(node)}, key_{std::move(key)}, random_{seed} {
  constexpr std::uint32_t first_address = 0x7f030001, addresses = 16; // from 127.3.0.1 on
  for (std::size_t i = 0; i < count; ++i)
    all_.push_back(
      std::make_unique<attacker>(*this, first_address + static_cast<std::uint32_t>(i) % addresses,
                                 clock::now() + std::chrono::milliseconds{random_() % 1000}));
}

attackers::~attackers() = default;

void attackers::run_until(clock::time_point end) {
  std::vector<pollfd> fds;
  for (auto now = clock::now(); now < end; now = clock::now()) {
    auto next = end;
    fds.clear();
    for (const auto& a : all_) {
      fds.push_back(a->interest());
      next = std::min(next, a->due());
    }
    auto wait = std::chrono::ceil<std::chrono::milliseconds>(
      std::max(next - now, clock::duration{1ms})); // at most one turn each millisecond
    (void)::poll(fds.data(), fds.size(), static_cast<int>(wait.count()));
    now = clock::now();
    for (std::size_t i = 0; i < fds.size(); ++i) all_[i]->act(fds[i].revents, now);
  }
  all_.clear();
}

} // namespace patio::tests
