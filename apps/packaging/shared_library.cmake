# The number in the SONAME of the shared libraries. Raise it in a release whose libraries do not run
# the programs of the release before; the package libpatio0 and exports.map bear the number, too.
set(PATIO_SOVERSION 0)

# patio_shared_library(TARGET NAME): what is common to the shared libraries. Names are hidden in the
# objects already, so that the objects can be part of a static library as well.
function(patio_shared_library target name)
  set(exports ${PROJECT_SOURCE_DIR}/apps/packaging/exports.map)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PATIO_SOVERSION}
    LINK_DEPENDS ${exports})
  # A library calls its own functions without a detour through the table of exported functions.
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${exports} -Wl,-Bsymbolic-functions -Wl,--no-undefined)
endfunction()
