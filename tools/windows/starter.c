/* python.exe: hands its command line to the interpreter's library, as CPython's own does. */
#include <windows.h>

typedef int (*main_of)(int, wchar_t **);

int wmain(int count, wchar_t **words)
{
    HMODULE library = LoadLibraryW(L"python311.dll");
    if (library == NULL)
        return 127;
    main_of begin = (main_of)(void *)GetProcAddress(library, "Py_Main");
    return begin == NULL ? 127 : begin(count, words);
}
