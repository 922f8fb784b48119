// What a terminal shows: libvterm decides where things go (cursor, wrapping, scrolling), the cells are ours, since
// libvterm's forget faint and hidden text and cannot be read under an alternate screen.
//
// The caller composes every byte written here itself. A program's own bytes must not come this way: libvterm 0.1.4
// runs past its arguments at the 17th, for ever in REP, and off the stack on long text (docs/decisions/0006).
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A character and its marks.
#define APUS_CELL_CHARACTERS 5

/// How text is written. Colours: 0 default, 0x01000000 + index, 0x02000000 + 0xRRGGBB.
struct apus_pen {
  uint32_t foreground, background, line;
  uint8_t attributes, underline;
};

/// One place on the screen. `characters[0]` is 0 where nothing was written since the place was erased. `width` is 2 for
/// the first half of a wide character and 0 for its second half, which are never apart.
struct apus_cell {
  uint32_t characters[APUS_CELL_CHARACTERS];
  uint32_t foreground, background, line;
  uint8_t attributes, underline, width, spare;
};

/// Where the cursor is, and the character written last.
struct apus_cursor {
  int row, column;
  int glyph_row, glyph_column, glyph_width;
};

struct apus_terminal;

/// Columns a character takes: 0 for a mark, else 1 or 2 (Unicode 14, as glibc 2.36 has it, and later pictographs).
int apus_character_width(uint32_t character);

/// An empty screen; NULL when there is no memory. At least 1 row and 2 columns: a wide character must fit.
struct apus_terminal *apus_terminal_new(int rows, int columns);
void apus_terminal_free(struct apus_terminal *terminal);

/// Plain ASCII text, or one control or sequence that libvterm is known to take well.
void apus_terminal_write(struct apus_terminal *terminal, const uint8_t *bytes, size_t count);
/// Characters, none of them a mark. 0 when there was no room for the last one: it is wide, and lines do not wrap.
int apus_terminal_print(struct apus_terminal *terminal, const uint32_t *characters, size_t count);
/// Adds a mark to the character at that place, or to a blank where there is none; lost where there is no room.
void apus_terminal_mark(struct apus_terminal *terminal, int row, int column, uint32_t mark);

void apus_terminal_set_pen(struct apus_terminal *terminal, const struct apus_pen *pen);
void apus_terminal_set_wrapping(struct apus_terminal *terminal, int wraps);
/// Writes go to the alternate cells from now on, or to the primary ones; nothing is erased.
void apus_terminal_show(struct apus_terminal *terminal, int alternate);

/// Row `keep` of each (primary, alternate) stays: rows below it go first, then rows at the top; how many of those went
/// is left in `dropped`. Modes, margins and cursor are as in a new one.
void apus_terminal_resize(struct apus_terminal *terminal, int rows, int columns, const int keep[2], int dropped[2]);

struct apus_cursor apus_terminal_cursor(const struct apus_terminal *terminal);
/// The cells of a row, valid until the next write; NULL where that screen was never shown.
const struct apus_cell *apus_terminal_row(const struct apus_terminal *terminal, int alternate, int row);
