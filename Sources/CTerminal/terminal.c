#include "cells.h"

#include <stdlib.h>
#include <string.h>
#include <vterm.h>

// libvterm puts what it is given in one piece on the stack, four times as large.
#define PIECE 2048

struct apus_terminal {
  VTerm *machine;
  VTermState *state;
  VTermStateCallbacks callbacks;  // libvterm keeps the pointer
  struct apus_cells *screens[2];
  struct apus_cells *shown;
  struct apus_pen pen;
  struct apus_cursor glyph;
  int wraps;
  const uint32_t *characters;  // what the stand-ins being written stand for
};

static int put_glyph(VTermGlyphInfo *info, VTermPos at, void *user) {
  struct apus_terminal *t = user;
  int width = info->width == 2 ? 2 : 1;
  uint32_t character = t->characters ? *t->characters++ : info->chars[0];
  apus_cells_put(t->shown, at.row, at.col, width, character, &t->pen);
  t->glyph.glyph_row = at.row;
  t->glyph.glyph_column = at.col;
  t->glyph.glyph_width = width;
  return 1;
}

static int scroll_rectangle(VTermRect rect, int downward, int rightward, void *user) {
  struct apus_terminal *t = user;
  uint32_t background = t->pen.background;
  if (downward) apus_cells_scroll(t->shown, rect.start_row, rect.end_row, downward, background);
  for (int row = rect.start_row; rightward && row < rect.end_row; row++)
    apus_cells_shift(t->shown, row, rect.start_col, rect.end_col, rightward, background);
  return 1;
}

static int erase(VTermRect rect, int selective, void *user) {
  struct apus_terminal *t = user;
  (void)selective;
  for (int row = rect.start_row; row < rect.end_row; row++)
    apus_cells_erase(t->shown, row, rect.start_col, rect.end_col, t->pen.background);
  return 1;
}

// What libvterm would answer is for others to say.
static void ignore_output(const char *bytes, size_t count, void *user) {
  (void)bytes;
  (void)count;
  (void)user;
}

static int start_machine(struct apus_terminal *t, int rows, int columns) {
  VTerm *machine = vterm_new(rows, columns);
  if (!machine) return -1;
  if (t->machine) vterm_free(t->machine);
  t->machine = machine;
  vterm_set_utf8(machine, 1);
  vterm_output_set_callback(machine, ignore_output, NULL);
  t->state = vterm_obtain_state(machine);
  vterm_state_reset(t->state, 1);
  // Only now, or the reset would erase.
  vterm_state_set_callbacks(t->state, &t->callbacks, t);
  t->wraps = 1;
  return 0;
}

struct apus_terminal *apus_terminal_new(int rows, int columns) {
  struct apus_terminal *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->callbacks.putglyph = put_glyph;
  t->callbacks.scrollrect = scroll_rectangle;
  t->callbacks.erase = erase;
  t->screens[0] = apus_cells_new(rows, columns);
  t->shown = t->screens[0];
  if (!t->shown || start_machine(t, rows, columns) != 0) {
    apus_terminal_free(t);
    return NULL;
  }
  return t;
}

void apus_terminal_free(struct apus_terminal *t) {
  if (!t) return;
  if (t->machine) vterm_free(t->machine);
  apus_cells_free(t->screens[0]);
  apus_cells_free(t->screens[1]);
  free(t);
}

void apus_terminal_write(struct apus_terminal *t, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    size_t piece = count < PIECE ? count : PIECE;
    vterm_input_write(t->machine, (const char *)bytes, piece);
    bytes += piece;
    count -= piece;
  }
}

static int column_of(const struct apus_terminal *t) {
  VTermPos at;
  vterm_state_get_cursorpos(t->state, &at);
  return at.col;
}

int apus_terminal_print(struct apus_terminal *t, const uint32_t *characters, size_t count) {
  // libvterm's tables of widths are of 2017, so it gets stand-ins of the right width, and never a mark.
  uint8_t piece[PIECE];
  size_t at = 0;
  int fits = 1;
  while (at < count) {
    size_t length = 0;
    t->characters = characters + at;
    for (; at < count && length + 3 <= PIECE; at++) {
      fits = 1;
      if (apus_character_width(characters[at]) != 2) {
        piece[length++] = 'x';
        continue;
      }
      if (!t->wraps) {
        // It would wrap here all the same: what does not fit is not shown.
        apus_terminal_write(t, piece, length);
        length = 0;
        t->characters = characters + at;
        if (column_of(t) + 2 > t->shown->columns) {
          t->characters++;
          fits = 0;
          continue;
        }
      }
      piece[length++] = 0xe4;
      piece[length++] = 0xb8;
      piece[length++] = 0x80;
    }
    apus_terminal_write(t, piece, length);
  }
  t->characters = NULL;
  return fits;
}

void apus_terminal_mark(struct apus_terminal *t, int row, int column, uint32_t mark) {
  if (row < 0 || row >= t->shown->rows || column < 0 || column >= t->shown->columns) return;
  struct apus_cell *cell = t->shown->row[row] + column;
  if (cell->width == 0 && column > 0) cell--;
  if (cell->characters[0] == 0) {
    cell->characters[0] = 0x20;
    cell->characters[1] = 0;
  }
  int n = 1;
  while (n < APUS_CELL_CHARACTERS && cell->characters[n] != 0) n++;
  if (n == APUS_CELL_CHARACTERS) return;
  cell->characters[n] = mark;
  if (n + 1 < APUS_CELL_CHARACTERS) cell->characters[n + 1] = 0;
}

void apus_terminal_set_pen(struct apus_terminal *t, const struct apus_pen *pen) { t->pen = *pen; }

void apus_terminal_set_wrapping(struct apus_terminal *t, int wraps) {
  t->wraps = wraps;
  apus_terminal_write(t, (const uint8_t *)(wraps ? "\x1b[?7h" : "\x1b[?7l"), 5);
}

void apus_terminal_show(struct apus_terminal *t, int alternate) {
  if (alternate && !t->screens[1]) t->screens[1] = apus_cells_new(t->shown->rows, t->shown->columns);
  struct apus_cells *screen = t->screens[alternate ? 1 : 0];
  if (screen) t->shown = screen;
}

void apus_terminal_resize(struct apus_terminal *t, int rows, int columns, const int keep[2], int dropped[2]) {
  struct apus_cells *made[2] = {NULL, NULL};
  for (int n = 0; n < 2; n++) {
    struct apus_cells *old = t->screens[n];
    dropped[n] = 0;
    if (!old) continue;
    int excess = old->rows - rows;
    int below = old->rows - 1 - keep[n];
    dropped[n] = excess > below ? excess - below : 0;
    made[n] = apus_cells_resized(old, rows, columns, dropped[n]);
    if (!made[n]) {
      apus_cells_free(made[0]);
      return;
    }
  }
  for (int n = 0; n < 2; n++) {
    if (t->shown == t->screens[n] && made[n]) t->shown = made[n];
    apus_cells_free(t->screens[n]);
    t->screens[n] = made[n];
  }
  // A new one, since libvterm's own resizing leaves it with too short a table of lines (0.3.3) or with margins and a
  // cursor outside the screen (0.1.4).
  start_machine(t, rows, columns);
}

struct apus_cursor apus_terminal_cursor(const struct apus_terminal *t) {
  struct apus_cursor cursor = t->glyph;
  VTermPos at;
  vterm_state_get_cursorpos(t->state, &at);
  cursor.row = at.row;
  cursor.column = at.col;
  return cursor;
}

const struct apus_cell *apus_terminal_row(const struct apus_terminal *t, int alternate, int row) {
  const struct apus_cells *screen = t->screens[alternate ? 1 : 0];
  return screen && row >= 0 && row < screen->rows ? screen->row[row] : NULL;
}
