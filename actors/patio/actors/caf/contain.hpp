/// Keeps the exception of one handler, for example out of memory, from ending the actor.
#pragma once

#include <exception>

namespace patio {

/// Runs `handler`. If it throws, calls `failed` with the text of the exception.
template <class Handler, class Failed>
void contain(Handler handler, Failed failed) noexcept {
  try {
    handler();
  } catch (const std::exception& e) {
    failed(e.what());
  } catch (...) {
    failed("an unknown exception");
  }
}

} // namespace patio
