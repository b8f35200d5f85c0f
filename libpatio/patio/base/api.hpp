/// Visibility of names outside the shared libraries. The compiler hides all other names.
///
/// A public header opens `namespace PATIO_API patio`, so that a function that is added there is
/// exported too. `tests/install/abi` lists what is exported.
#pragma once

/// Exported for programs. A program that was linked with one release runs with each later release
/// of the same SONAME.
#define PATIO_API [[gnu::visibility("default")]]

/// Exported for the other library and for the command, which have the same version. Not for
/// programs.
#define PATIO_INTERNAL_API [[gnu::visibility("default")]]
