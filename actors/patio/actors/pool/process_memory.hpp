/// Memory that a process pool shares with one worker. It outlives the worker, so the pool knows
/// after any end of the worker which requests have begun, and gets each answer that is complete.
///
/// Requests: the pool offers each request under its serial. The worker takes the request before it
/// reads the arguments, and the pool takes the request back. Exactly one of them gets it. A request
/// that the pool has got back has not run.
///
/// Answers: the worker's output is one stream of bytes. The worker gathers answers here, and sends
/// many with one system call. The pool can read here what the worker has not sent.
///
/// Large payloads: a process_area for each direction.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <patio/actors/os/socket.hpp>
#include <patio/actors/pool/process_area.hpp>
#include <patio/value/error.hpp>

namespace patio {

class process_memory {
public:
  /// Requests of one worker that can be on offer at the same time.
  static constexpr std::size_t max_offers = 64;
  static constexpr std::size_t answer_bytes = std::size_t{64} << 10;

  /// Creates the memory, and a descriptor for the worker. The worker cannot change its size. Each
  /// process_area has at least `area_bytes` bytes. They take no memory until they are used.
  [[nodiscard]] static result<process_memory> create(std::size_t area_bytes = 0);
  /// Maps the memory of a descriptor, whose size says how large the areas are. Takes the descriptor
  /// over.
  [[nodiscard]] static result<process_memory> adopt(unique_fd fd);

  process_memory() = default;
  process_memory(process_memory&& other) noexcept { swap(other); }
  process_memory& operator=(process_memory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~process_memory();

  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
  /// The memory stays mapped.
  void close_descriptor() noexcept { fd_ = {}; }

  [[nodiscard]] process_area& requests() noexcept { return requests_; }
  [[nodiscard]] process_area& answers() noexcept { return answers_; }
  /// The bytes of both areas.
  [[nodiscard]] std::size_t area_bytes() const noexcept {
    return requests_.size() + answers_.size();
  }
  /// Gives the memory of both areas back to the system. They must hold no payload that somebody
  /// still reads.
  void clear_areas() noexcept;

  /// Puts a request on offer. The serial is not 0, and the offer of the serial `max_offers` before
  /// is over.
  void offer(std::uint32_t serial) noexcept {
    place(serial).store(serial, std::memory_order_release);
  }
  /// Returns true if the request was on offer. Then it belongs to the caller.
  [[nodiscard]] bool take(std::uint32_t serial) noexcept {
    return place(serial).compare_exchange_strong(serial, 0, std::memory_order_acq_rel);
  }

  /// The worker appends a whole answer to the stream. Returns false if there is no room.
  [[nodiscard]] bool append(std::string_view answer) noexcept;
  /// Returns what the worker has appended and not sent.
  [[nodiscard]] std::string_view unsent() const noexcept;
  /// The worker has sent all of `unsent`, and then so many bytes that were not appended.
  void sent(std::size_t more = 0) noexcept;
  /// Returns a copy of what the worker has appended behind the first `position` bytes of its
  /// stream, modulo 2^32. Returns nothing if the worker sends these bytes at the moment: then they
  /// come over the socket.
  [[nodiscard]] std::string behind(std::uint32_t position) const;

private:
  struct layout {
    std::atomic<std::uint32_t> offers[max_offers];
    /// Position in the stream where `answers` begins, and in the low half the number of bytes
    /// there. One word, so that no end of the worker tears them apart.
    std::atomic<std::uint64_t> unsent;
    /// Payloads of the areas that their readers have released.
    std::atomic<std::uint32_t> released_requests, released_answers;
    char answers[answer_bytes];
  };
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free
                && std::atomic<std::uint64_t>::is_always_lock_free);

  void swap(process_memory& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(shared_, other.shared_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(requests_, other.requests_);
    std::swap(answers_, other.answers_);
  }
  [[nodiscard]] std::atomic<std::uint32_t>& place(std::uint32_t serial) noexcept {
    return shared_->offers[serial % max_offers];
  }

  unique_fd fd_;
  layout* shared_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  process_area requests_, answers_;
};

} // namespace patio
