// Package redirect sends what a program connects to to a listener of this process, and tells where each connection wanted to go.
//
//	redirector, err := redirect.Start(pid, port)   // a listener on 127.0.0.1:port
//	defer redirector.Close()
//	connection, err := listener.Accept()
//	where, known, err := redirector.Destination(connection)
package redirect

/*
#cgo pkg-config: omnilink
#include <omnilink.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
	"unsafe"
)

// Redirector is in force until Close. Its methods may be called from any goroutine.
type Redirector struct{ handle *C.omnilink_handle }

// Destination is where a connection wanted to go, and whose it is.
type Destination struct {
	Host    string
	Port    uint16
	PID     uint32
	Process string
	// Generation tells uses of the same source port apart.
	Generation uint64
}

// Address is what net.Dial takes.
func (d Destination) Address() string { return net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port))) }

// UnavailableReason says why this process cannot intercept here; empty: it can.
func UnavailableReason() string {
	var text [512]C.char
	C.omnilink_unavailable_reason(&text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

// Start intercepts pid and its descendants, but for what this process opens. Conditions are further ones, as "port=80,443".
func Start(pid int, port uint16, conditions ...string) (*Redirector, error) {
	r := &Redirector{}
	if code := C.omnilink_open(nil, &r.handle); code != C.OMNILINK_OK {
		return nil, failure(nil, code)
	}
	capture := "pid=" + strconv.Itoa(pid)
	for _, one := range conditions {
		capture += "&" + one
	}
	options := C.struct_omnilink_redirect_options{port: C.uint32_t(port), capture: C.CString(capture)}
	defer C.free(unsafe.Pointer(options.capture))
	options.size = C.uint32_t(unsafe.Sizeof(options))
	if code := C.omnilink_redirect(r.handle, &options); code != C.OMNILINK_OK {
		err := failure(r.handle, code)
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close lets connections go their own way again. No other method may run or follow.
func (r *Redirector) Close() {
	C.omnilink_close(r.handle)
	r.handle = nil
}

// Destination tells where an accepted connection wanted to go; false: nobody was sent to it.
func (r *Redirector) Destination(accepted syscall.Conn) (where Destination, known bool, err error) {
	raw, err := accepted.SyscallConn()
	if err != nil {
		return where, false, err
	}
	problem := raw.Control(func(fd uintptr) {
		out := C.struct_omnilink_destination{size: C.sizeof_struct_omnilink_destination}
		where, known, err = r.answer(C.omnilink_lookup_fd(r.handle, C.int(fd), &out), &out)
	})
	if problem != nil {
		return where, false, problem
	}
	return where, known, err
}

// DestinationOfPort is the same by the source port; false also where several connections come from it.
func (r *Redirector) DestinationOfPort(port uint16) (Destination, bool, error) {
	out := C.struct_omnilink_destination{size: C.sizeof_struct_omnilink_destination}
	return r.answer(C.omnilink_lookup_port(r.handle, C.uint32_t(port), &out), &out)
}

func (r *Redirector) answer(code C.int, out *C.struct_omnilink_destination) (Destination, bool, error) {
	switch code {
	case C.OMNILINK_OK:
		return Destination{C.GoString(&out.host[0]), uint16(out.port), uint32(out.pid), C.GoString(&out.process[0]), uint64(out.generation)}, true, nil
	case C.OMNILINK_E_NOT_FOUND, C.OMNILINK_E_AMBIGUOUS:
		return Destination{}, false, nil
	}
	return Destination{}, false, failure(r.handle, code)
}

func failure(handle *C.omnilink_handle, code C.int) error {
	var text [512]C.char
	C.omnilink_last_error(handle, &text[0], C.size_t(len(text)))
	return fmt.Errorf("omnilink: %s (%s)", C.GoString(&text[0]), C.GoString(C.omnilink_code_name(code)))
}
