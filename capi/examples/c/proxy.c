/* A proxy that knows where its clients wanted to go: runs CMD, intercepts what it opens, prints each destination and forwards it.
 *
 *   cc -o proxy proxy.c $(pkg-config --cflags --libs omnilink)
 *   sudo ./proxy curl -s http://example.org/
 *
 * One connection after the other keeps it short. CMD begins when it is intercepted. */
#include <arpa/inet.h>
#include <errno.h>
#include <omnilink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int listen_anywhere(uint16_t *port) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  const int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (out < 0 || bind(out, (struct sockaddr *)&name, size) || listen(out, 128) || getsockname(out, (struct sockaddr *)&name, &size)) die("listen");
  *port = ntohs(name.sin_port);
  return out;
}

/* Until both ends have closed. */
static void relay(int one, int other) {
  struct pollfd ends[2] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};
  const int to[2] = {other, one};
  char bytes[65536];
  for (int open = 2; open > 0;) {
    if (poll(ends, 2, -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (!ends[i].revents) continue;
      const ssize_t got = read(ends[i].fd, bytes, sizeof bytes);
      for (ssize_t sent = 0; sent < got;) {
        const ssize_t now = send(to[i], bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
        if (now < 0) return;
        sent += now;
      }
      if (got > 0) continue;
      shutdown(to[i], SHUT_WR);
      ends[i].fd = -1;
      --open;
    }
  }
}

static void serve(int client) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (getpeername(client, (struct sockaddr *)&peer, &size)) return;
  WinDest wanted = get_destination(ntohs(((struct sockaddr_in *)&peer)->sin_port));
  if (!wanted.host) return; /* nobody was sent here */
  printf("%s %u\n", wanted.host, wanted.port);
  fflush(stdout);
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)wanted.port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)wanted.port)};
  const int v6 = inet_pton(AF_INET, wanted.host, &four.sin_addr) != 1 && inet_pton(AF_INET6, wanted.host, &six.sin6_addr) == 1;
  free_windest(wanted);
  const int server = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  if (!connect(server, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four, v6 ? sizeof six : sizeof four)) relay(client, server);
}

int main(int argc, char **argv) {
  uint16_t port;
  int go[2];
  if (argc < 2) {
    fprintf(stderr, "usage: proxy CMD [ARG]...\n");
    return 2;
  }
  const int listener = listen_anywhere(&port);
  if (pipe(go)) die("pipe");
  const pid_t program = fork();
  if (program == 0) {
    char start;
    close(go[1]);
    close(listener);
    if (read(go[0], &start, 1) == 1) execvp(argv[1], argv + 1);
    _exit(127);
  }
  if (!start_redirector((uint32_t)program, (uint32_t)getpid(), port, 0)) {
    char why[256];
    omnilink_last_error(NULL, why, sizeof why);
    fprintf(stderr, "proxy: %s\n", why);
    return 1;
  }
  if (write(go[1], "", 1) != 1) die("start");
  for (int status = 0;;) {
    struct pollfd next = {.fd = listener, .events = POLLIN};
    if (poll(&next, 1, 50) > 0) {
      const int client = accept(listener, NULL, NULL);
      serve(client);
      close(client);
    }
    if (waitpid(program, &status, WNOHANG) == program) {
      stop_redirector();
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
  }
}
