# Installs the headers that a program can reach, and no others: those at the top of an include path
# and each header of patio that one of them includes. Runs at installation, so that the list is
# never old. Expects the include paths in PATIO_PATHS, and PATIO_INCLUDEDIR.
cmake_policy(VERSION 3.25)
set(found "")
set(open "")
foreach(path IN LISTS PATIO_PATHS)
  file(GLOB top RELATIVE ${path} ${path}/patio/*.hpp)
  list(APPEND open ${top})
endforeach()

while(open)
  list(POP_FRONT open header)
  foreach(path IN LISTS PATIO_PATHS)
    if(EXISTS ${path}/${header} AND NOT header IN_LIST found)
      list(APPEND found ${header})
      cmake_path(GET header PARENT_PATH folder)
      file(INSTALL ${path}/${header} DESTINATION ${PATIO_INCLUDEDIR}/${folder})
      file(STRINGS ${path}/${header} includes REGEX "^ *# *include *<patio/")
      list(TRANSFORM includes REPLACE ".*<(.*)>.*" "\\1")
      list(APPEND open ${includes})
    endif()
  endforeach()
endwhile()
