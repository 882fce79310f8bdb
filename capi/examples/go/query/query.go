// Package query asks a running omnilink where a connection wanted to go, over its query socket. Go alone, no cgo; the format is
// described in wire/nat_query.hpp.
//
//	service, err := query.Dial("/run/omnilink/query.sock")
//	answer, err := service.BySource(netip.MustParseAddrPort("127.0.0.1:40312"))
package query

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	version      = 2
	questionSize = 80
	answerSize   = 1280
	patience     = 2 * time.Second

	bySource, byFlow, bySourcePort, byDescriptor = 1, 2, 3, 4
	protocolTCP                                  = 6
)

// Status of an answer.
type Status byte

const (
	Live      Status = 1
	Closed    Status = 2 // ended, still remembered
	Ambiguous Status = 3
	Miss      Status = 4 // none, or none that the asker may see
)

// Answer to a question. What is behind Matches is of Live and Closed only.
type Answer struct {
	Status     Status
	Matches    uint32
	Host       string // a name, or an address
	Port       uint16
	Source     netip.AddrPort
	Connection uint64
	Generation uint64
	Age        time.Duration
	PID        uint32 // 0: unknown
	Process    string
	Exe        string
	Chain      string
}

// Known says whether the answer has a destination.
func (a Answer) Known() bool { return a.Status == Live || a.Status == Closed }

// Address is what net.Dial takes.
func (a Answer) Address() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// Service is a connection to one. Its methods may be called from any goroutine, and wait for one another.
type Service struct {
	mutex  sync.Mutex
	socket *net.UnixConn
	token  uint64
}

// Dial connects to a query socket.
func Dial(path string) (*Service, error) {
	socket, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	return &Service{socket: socket}, nil
}

func (s *Service) Close() error { return s.socket.Close() }

// BySource asks by the source, as the accepting socket sees its peer.
func (s *Service) BySource(source netip.AddrPort) (Answer, error) {
	return s.ask(bySource, source, netip.AddrPort{}, nil)
}

// ByFlow asks by both addresses of the accepted socket.
func (s *Service) ByFlow(source, local netip.AddrPort) (Answer, error) {
	return s.ask(byFlow, source, local, nil)
}

// BySourcePort asks by the port alone, which may be ambiguous.
func (s *Service) BySourcePort(port uint16) (Answer, error) {
	return s.ask(bySourcePort, netip.AddrPortFrom(netip.Addr{}, port), netip.AddrPort{}, nil)
}

// ByConnection asks by the accepted socket itself: whoever holds it may know.
func (s *Service) ByConnection(accepted syscall.Conn) (answer Answer, err error) {
	raw, err := accepted.SyscallConn()
	if err != nil {
		return Answer{}, err
	}
	problem := raw.Control(func(fd uintptr) {
		answer, err = s.ask(byDescriptor, netip.AddrPort{}, netip.AddrPort{}, syscall.UnixRights(int(fd)))
	})
	if problem != nil {
		return Answer{}, problem
	}
	return answer, err
}

func (s *Service) ask(kind byte, source, local netip.AddrPort, rights []byte) (Answer, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.token++
	question := make([]byte, questionSize)
	binary.BigEndian.PutUint16(question[0:], version)
	binary.BigEndian.PutUint16(question[2:], questionSize)
	question[4], question[5] = kind, protocolTCP
	binary.BigEndian.PutUint64(question[8:], s.token)
	putEndpoint(question[24:], source)
	putEndpoint(question[44:], local)
	if err := s.socket.SetDeadline(time.Now().Add(patience)); err != nil {
		return Answer{}, err
	}
	if _, _, err := s.socket.WriteMsgUnix(question, rights, nil); err != nil {
		return Answer{}, err
	}
	// One byte more: a longer message is not cut to size.
	in := make([]byte, answerSize+1)
	size, err := s.socket.Read(in)
	if err != nil {
		return Answer{}, err
	}
	return decode(in[:size], s.token)
}

func putEndpoint(into []byte, from netip.AddrPort) {
	binary.BigEndian.PutUint16(into[2:], from.Port())
	switch address := from.Addr().Unmap(); {
	case address.Is4():
		into[0] = 4
		copy(into[4:], address.AsSlice())
	case address.Is6():
		into[0] = 6
		copy(into[4:], address.AsSlice())
	}
}

func endpoint(from []byte) netip.AddrPort {
	address := netip.Addr{}
	switch from[0] {
	case 4:
		address, _ = netip.AddrFromSlice(from[4:8])
	case 6:
		address, _ = netip.AddrFromSlice(from[4:20])
	}
	return netip.AddrPortFrom(address, binary.BigEndian.Uint16(from[2:]))
}

func text(from []byte) string {
	if end := bytes.IndexByte(from, 0); end >= 0 {
		from = from[:end]
	}
	return string(from)
}

func decode(in []byte, token uint64) (Answer, error) {
	if len(in) < 4 || binary.BigEndian.Uint16(in) != version || len(in) != answerSize {
		return Answer{}, fmt.Errorf("omnilink: the service is of another version")
	}
	if got := binary.BigEndian.Uint64(in[8:]); got != token {
		return Answer{}, fmt.Errorf("omnilink: the answer is to another question")
	}
	a := Answer{Status: Status(in[4]), Matches: binary.BigEndian.Uint32(in[52:])}
	if a.Status > Miss {
		return Answer{}, fmt.Errorf("omnilink: the service could not answer (error %d)", in[5])
	}
	if !a.Known() {
		return a, nil
	}
	original := endpoint(in[116:136])
	a.Host, a.Port = text(in[144:400]), original.Port()
	if a.Host == "" {
		a.Host = original.Addr().String()
	}
	a.Source = endpoint(in[56:76])
	a.Connection = binary.BigEndian.Uint64(in[16:])
	a.Generation = binary.BigEndian.Uint64(in[24:])
	a.Age = time.Duration(binary.BigEndian.Uint64(in[32:])) * time.Millisecond
	a.PID = binary.BigEndian.Uint32(in[140:])
	a.Process, a.Exe, a.Chain = text(in[472:488]), text(in[488:744]), text(in[400:464])
	return a, nil
}
