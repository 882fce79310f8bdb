// A proxy that knows where its clients wanted to go: runs CMD, intercepts what it opens, prints each destination and forwards it.
//
//	cd capi/examples/go && go build -o proxy ./proxy && sudo ./proxy curl -s http://example.org/
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"

	"omnilink.example/redirect"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: proxy CMD [ARG]...")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	// It begins when it is intercepted.
	program := exec.Command("sh", append([]string{"-c", `read go && exec "$@" </dev/null`, "sh"}, os.Args[1:]...)...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	begin, err := program.StdinPipe()
	check(err)
	check(program.Start())

	redirector, err := redirect.Start(program.Process.Pid, uint16(listener.Addr().(*net.TCPAddr).Port))
	check(err)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(redirector, client.(*net.TCPConn))
		}
	}()
	fmt.Fprintln(begin)
	err = program.Wait()
	listener.Close()
	if exit, is := err.(*exec.ExitError); is {
		os.Exit(exit.ExitCode())
	}
	check(err)
}

func serve(redirector *redirect.Redirector, client *net.TCPConn) {
	defer client.Close()
	where, known, err := redirector.Destination(client)
	if err != nil || !known {
		fmt.Fprintln(os.Stderr, "proxy: nobody was sent here", err)
		return
	}
	fmt.Println(where.Host, where.Port)
	server, err := net.Dial("tcp", where.Address())
	if err != nil {
		client.SetLinger(0) // a reset: the connection failed
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Add(2)
	copy := func(to, from *net.TCPConn) {
		io.Copy(to, from)
		to.CloseWrite()
		both.Done()
	}
	go copy(server.(*net.TCPConn), client)
	copy(client, server.(*net.TCPConn))
	both.Wait()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}
