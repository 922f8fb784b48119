#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

// A person's terminal, borrowed for drawing. It is given back whatever ends the program, but for SIGKILL: what a signal
// handler does here is only what it may (tcsetattr, write, raise).

static struct termios found, ours;
static const char *entering, *leaving;
static volatile sig_atomic_t is_taken, is_changed;

static void say(const char *text) { (void)!write(STDOUT_FILENO, text, strlen(text)); }

static void give_back(void) {
  if (!is_taken) return;
  is_taken = 0;
  say(leaving);
  tcsetattr(STDIN_FILENO, TCSANOW, &found);
}

static void take(void) {
  is_taken = 1;
  tcsetattr(STDIN_FILENO, TCSANOW, &ours);
  say(entering);
}

static void leave(int signal) {
  give_back();
  // Asked for at the keyboard: that is a way of leaving, not a failure.
  if (signal == SIGINT) _exit(0);
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigaction(signal, &standard, NULL);
  raise(signal);
}

static void pause_here(int signal) {
  (void)signal;
  int failure = errno;
  give_back();
  raise(SIGSTOP);
  take();
  is_changed = 1;
  errno = failure;
}

static void change(int signal) {
  (void)signal;
  is_changed = 1;
}

static void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

int apus_screen_take(const char *enter, const char *leave_with) {
  if (tcgetattr(STDIN_FILENO, &found) != 0 || !isatty(STDOUT_FILENO)) return -1;
  ours = found;
  ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  ours.c_cc[VMIN] = 1;
  ours.c_cc[VTIME] = 0;
  entering = enter;
  leaving = leave_with;
  const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
  for (size_t at = 0; at < sizeof endings / sizeof *endings; at++) handle(endings[at], leave);
  handle(SIGTSTP, pause_here);
  handle(SIGWINCH, change);
  take();
  return 0;
}

void apus_screen_give_back(void) { give_back(); }

int apus_screen_has_changed(void) {
  int changed = is_changed;
  is_changed = 0;
  return changed;
}
