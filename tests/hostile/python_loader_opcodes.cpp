// The opcodes that a Python peer may get, one function for each group.
#include "python_loader.hpp"

namespace patio::tests {

bool python_loader::step(unsigned char opcode) {
  return step_structure(opcode) || step_number(opcode) || step_string(opcode)
         || step_new_container(opcode) || step_fill_container(opcode) || step_object(opcode);
}

bool python_loader::step_structure(unsigned char opcode) {
  switch (opcode) {
  case 0x80: require(length(1) <= 5, "has an unknown protocol"); return true;
  case 0x95: {
    auto size = length(8);
    require(size <= rest_.size(), "has a truncated frame");
    return true;
  }
  case 0x94: memo_.push_back(top()); return true;
  case 'h': push_memo(length(1)); return true;
  case 'j': push_memo(length(4)); return true;
  case '(': marks_.push_back(stack_.size()); return true;
  case '0': (void)pop(); return true;
  case '1': (void)pop_to_mark(); return true;
  default: return false;
  }
}

bool python_loader::step_number(unsigned char opcode) {
  switch (opcode) {
  case 'N': push(kind::none); return true;
  case 0x88:
  case 0x89: push(kind::integer); return true;
  case 'K': skip_and_push(1, kind::integer); return true;
  case 'M': skip_and_push(2, kind::integer); return true;
  case 'J': skip_and_push(4, kind::integer); return true;
  case 0x8a: skip_and_push(length(1), kind::integer); return true;
  case 0x8b: skip_and_push(length(4), kind::integer); return true;
  case 'G': skip_and_push(8, kind::number); return true;
  default: return false;
  }
}

bool python_loader::step_string(unsigned char opcode) {
  switch (opcode) {
  case 0x8c: push_text(length(1)); return true;
  case 'X': push_text(length(4)); return true;
  case 0x8d: push_text(length(8)); return true;
  case 'C': skip_and_push(length(1), kind::bytes); return true;
  case 'B': skip_and_push(length(4), kind::bytes); return true;
  case 0x8e: skip_and_push(length(8), kind::bytes); return true;
  case 0x96: skip_and_push(length(8), kind::unhashable); return true; // BYTEARRAY8
  default: return false;
  }
}

bool python_loader::step_new_container(unsigned char opcode) {
  switch (opcode) {
  case ']':
  case 0x8f: push(kind::unhashable); return true;
  case '}': push(kind::dict); return true;
  case ')': push_tuple({}); return true;
  case 't': push_tuple(pop_to_mark()); return true;
  case 0x85:
  case 0x86:
  case 0x87: push_small_tuple(opcode - 0x84U); return true;
  case 0x91: {
    auto items = pop_to_mark();
    push(kind::hashable);
    add_keys(items, 1);
    return true;
  }
  default: return false;
  }
}

bool python_loader::step_fill_container(unsigned char opcode) {
  switch (opcode) {
  case 'a':
    (void)pop();
    require_top(kind::unhashable, "appends to something other than a list");
    return true;
  case 'e':
    (void)pop_to_mark();
    require_top(kind::unhashable, "appends to something other than a list");
    return true;
  case 's': {
    auto v = pop(), k = pop();
    add_keys({k, v}, 2);
    require_top(kind::dict, "sets an item of something other than a dict");
    return true;
  }
  case 'u':
    add_keys(pop_to_mark(), 2);
    require_top(kind::dict, "sets an item of something other than a dict");
    return true;
  case 0x90:
    add_keys(pop_to_mark(), 1);
    require_top(kind::unhashable, "adds to something other than a set");
    return true;
  default: return false;
  }
}

bool python_loader::step_object(unsigned char opcode) {
  switch (opcode) {
  case 0x93: find_class(); return true;
  case 'R': reduce(); return true;
  case 0x81: make_call_request(); return true;
  case 'b': build(); return true;
  default: return false;
  }
}

} // namespace patio::tests
