// Asks a running omnilink where a connection wanted to go, without libomnilink.
//
//	CGO_ENABLED=0 go build -o ask ./ask && ./ask /run/omnilink/query.sock 127.0.0.1:40312
package main

import (
	"fmt"
	"net/netip"
	"os"

	"omnilink.example/query"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: ask QUERY-SOCKET ADDR:PORT")
		os.Exit(2)
	}
	source, err := netip.ParseAddrPort(os.Args[2])
	check(err)
	service, err := query.Dial(os.Args[1])
	check(err)
	defer service.Close()
	answer, err := service.BySource(source)
	check(err)
	if !answer.Known() {
		fmt.Fprintln(os.Stderr, "ask: no connection comes from there, or none that you may see")
		os.Exit(4)
	}
	fmt.Println(answer.Address())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ask:", err)
		os.Exit(1)
	}
}
