# A shared object that has the names and versions of a system library and no code: libraries that nnc makes are linked
# against it, so that neither the user's machine nor the one that built nnc decides which glibc they need.
#   nnc_stub_library(variable soname list)    list: lines "symbol version"; the path goes to the variable
function(nnc_stub_library variable soname list)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
  file(STRINGS ${list} lines REGEX "^[^#]")
  set(code ".text\n")
  set(versions "")
  foreach(line ${lines})
    string(REPLACE " " ";" line ${line})
    list(GET line 0 symbol)
    list(GET line 1 version)
    string(APPEND code ".globl ${symbol}\n.type ${symbol},@function\n${symbol}: ret\n")
    list(APPEND versions ${version})
    string(APPEND symbols_${version} " ${symbol};")
  endforeach()
  string(APPEND code ".section .note.GNU-stack,\"\",@progbits\n")
  list(REMOVE_DUPLICATES versions)
  list(SORT versions COMPARE NATURAL)
  set(script "")
  foreach(version ${versions})
    string(APPEND script "${version} { global:${symbols_${version}} };\n")
  endforeach()
  set(stub ${CMAKE_CURRENT_BINARY_DIR}/stub/${soname})
  file(CONFIGURE OUTPUT ${stub}.s CONTENT "${code}" @ONLY)
  file(CONFIGURE OUTPUT ${stub}.map CONTENT "${script}" @ONLY)
  add_custom_command(
    OUTPUT ${stub}
    COMMAND ${CMAKE_C_COMPILER} -shared -nostdlib -fuse-ld=lld -o ${stub} ${stub}.s -Wl,-soname,${soname}
            -Wl,--version-script,${stub}.map -Wl,--build-id=none -Wl,-s
    DEPENDS ${stub}.s ${stub}.map
    VERBATIM)
  set(${variable} ${stub} PARENT_SCOPE)
endfunction()
