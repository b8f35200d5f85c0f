/// The worker's end of the socket to its process pool. Requests come in batches, and their answers
/// leave in batches. Exits the process when the pool is gone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <patio/actors/pool/process_memory.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/protocol/frame_output.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// Writes the reason to standard error, and ends the process.
[[noreturn]] void exit_worker(const std::string& why);

class process_channel {
public:
  process_channel();

  /// Waits for a frame of the handshake.
  [[nodiscard]] protocol::frame_reader::frame read(protocol::packet type, std::size_t max_bytes);
  void write(std::string_view bytes);

  /// Begins the work after the handshake.
  void open(std::shared_ptr<const protocol::session_options> messages);
  struct request {
    std::uint32_t serial;
    std::string_view payload; ///< valid until its answer
  };
  /// Waits for a request that the pool has not taken back. Sends the answers before it waits.
  [[nodiscard]] request read_request();
  void answer(std::uint32_t serial, const result<value>& r);
  /// The bytes of the address space that hold large messages.
  [[nodiscard]] std::size_t area_bytes() const noexcept { return memory_.area_bytes(); }

private:
  template <class Judge>
  [[nodiscard]] protocol::frame_reader::frame read(Judge judge);
  [[nodiscard]] bool put_in_memory(std::uint32_t serial, const value& v);
  void flush();

  process_memory memory_;
  protocol::frame_reader reader_;
  char buffer_[std::size_t{64} << 10];
  std::shared_ptr<const protocol::session_options> messages_;
  std::optional<protocol::frame_output> answer_;
  bool is_in_memory_ = false; ///< the request that runs
};

} // namespace patio
