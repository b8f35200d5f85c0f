/// Decodes large payloads off CAF's I/O thread, where all connections would wait for one: on a thread that begins with the first of them.
/// A resource; ends its thread, behind what that is decoding, when destroyed. No CAF.
#pragma once

#include <functional>
#include <memory>

#include <patio/decode_job.hpp>

namespace patio {

class decoder {
public:
  using job = std::shared_ptr<decode_job>;
  /// Called on the decoder's thread.
  using on_decoded = std::function<void(job)>;

  decoder();
  ~decoder();
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  /// In order; each connection has one at most, so that none waits for more than one of each other. Of those that `tell` was called for
  /// and that were not taken, there are at most two.
  void run(job what, on_decoded tell);
  /// One that `tell` was called for has been taken.
  void taken() noexcept;
  /// Destroys what is left of a job, which may take as long as decoding it.
  void discard(job what);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace patio
