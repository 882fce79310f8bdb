// A SOCKS5 and HTTP proxy whose every connection a Go function judges: it lets through to the hosts that are named only.
//
//	go build -o judge ./judge && ./judge example.org
package main

/*
#cgo pkg-config: omnilink
#include <omnilink.h>
#include <stdlib.h>

void judge(void *user, struct omnilink_question *question, struct omnilink_answer *answer);

static int add(omnilink_handle *handle, const char *name) {
	return omnilink_callout_add(handle, name, (omnilink_callout_callback)judge, NULL);
}
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

const config = `version = 1
[query]
socket = ""
[admin]
socket = ""
[[listen]]
url = "mixed://127.0.0.1:0"
[[callout]]
name = "judge"
kind = "library"
[[rule]]
action = "callout:judge"
[[rule]]
action = "direct"
`

// Called by omnilink_dispatch. One that has to wait sets OMNILINK_PEND, and a goroutine calls omnilink_callout_complete later.
//
//export judge
func judge(_ unsafe.Pointer, question *C.struct_omnilink_question, answer *C.struct_omnilink_answer) {
	answer.action = C.OMNILINK_REJECT
	for _, host := range os.Args[1:] {
		if host == C.GoString(&question.host[0]) {
			answer.action = C.OMNILINK_CONTINUE
		}
	}
}

func main() {
	var handle *C.omnilink_handle
	name, text, program := C.CString("judge"), C.CString(config), (*C.char)(nil)
	if path := os.Getenv("OMNILINK"); path != "" {
		program = C.CString(path)
	}
	check(handle, C.omnilink_open(nil, &handle))
	check(handle, C.add(handle, name))
	options := C.struct_omnilink_service_options{config: text, program: program}
	options.size = C.uint32_t(unsafe.Sizeof(options))
	check(handle, C.omnilink_service_start(handle, &options))
	var address [64]C.char
	C.omnilink_service_address(handle, 0, &address[0], C.size_t(len(address)))
	fmt.Println(C.GoString(&address[0]))
	for {
		check(handle, C.omnilink_dispatch(handle, 60000))
	}
}

func check(handle *C.omnilink_handle, code C.int) {
	if code == C.OMNILINK_OK {
		return
	}
	var text [512]C.char
	C.omnilink_last_error(handle, &text[0], C.size_t(len(text)))
	fmt.Fprintln(os.Stderr, "judge:", C.GoString(&text[0]))
	os.Exit(1)
}
