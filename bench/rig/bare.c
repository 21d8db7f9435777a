/* The least that any proxy can do: bytes from one socket to another, unread, in one thread of C.
 *
 * epoll_wait, recv, send and once more recv and send: what these five system calls take, every proxy takes.
 * `bare_uvloop.py` is the same in Python. Run as `bare LISTEN_PORT UPSTREAM_PORT`. A socket that would not take
 * all of a message holds up everybody: this carries small calls, and nothing else.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 4096

static int other[MOST];

static struct sockaddr_in loopback(const char *port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int poll, int socket) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
    int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event)) die("epoll_ctl");
}

static void open_pair(int poll, int listener, struct sockaddr_in upstream) {
    int caller = accept(listener, NULL, NULL), model = socket(AF_INET, SOCK_STREAM, 0);
    if (caller < 0 || model < 0 || caller >= MOST || model >= MOST) die("accept");
    if (connect(model, (struct sockaddr *)&upstream, sizeof upstream)) die("connect");
    other[caller] = model;
    other[model] = caller;
    watch(poll, caller);
    watch(poll, model);
}

static void pass_on(int from) {
    static char bytes[65536];
    ssize_t came = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (came > 0) {
        if (other[from] && send(other[from], bytes, (size_t)came, MSG_NOSIGNAL) != came) die("send");
    } else {
        int to = other[from];
        close(from);
        if (to) other[to] = 0, shutdown(to, SHUT_RDWR);
        other[from] = 0;
    }
}

int main(int count, char **words) {
    if (count != 3) return 2;
    struct sockaddr_in here = loopback(words[1]), upstream = loopback(words[2]);
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024)) die("listen");
    watch(poll, listener);
    for (;;) {
        struct epoll_event ready[256];
        int many = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < many; i++) {
            int socket = ready[i].data.fd;
            if (socket == listener)
                open_pair(poll, listener, upstream);
            else
                pass_on(socket);
        }
    }
}
