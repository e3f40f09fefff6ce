// Prints what github.com/Masterminds/semver/v3, the library that Helm and Flux use, says about versions and ranges.
// The tests hold our own reading against it. What it lets pass by accident is left out: the tests list that themselves.
//
//	go run . vectors > vectors.json
//	go run . precedence > precedence.json
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/Masterminds/semver/v3"
)

var operators = []string{"", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"}

// Every shape of an operand: full, partial, wildcard, prerelease, build metadata, leading v, zeros.
var operands = []string{
	"*", "x", "X", "vx", "0", "1", "v1", "2", "0.0", "0.1", "1.0", "1.2", "v1.2", "1.x", "1.X", "1.*", "0.x", "0.0.x",
	"0.1.x", "1.2.x", "1.2.*", "v1.2.x", "1.x.x", "*.*.*", "x.2.3", "1.x.3", "0.0.0", "0.0.3", "0.1.0", "0.2.3", "1.0.0",
	"1.2.3", "v1.2.3", "1.2.3+build", "v1.2.3+b.01", "1.2.3-alpha.1", "1.2.3-0", "1.2.3-rc.1+b", "0.0.0-0", "0.0.3-beta",
	"0.2.3-rc.1", "1.2.0-0", "1.2-0", "1-0", "1-beta", "1.2-beta", "*-0", "1.x-0", "1.2.x-0", "0-0", "0.0-0", "0.2-rc.1", "1.2+build",
	"1.10.0", "18446744073709551615.0.0",
}

// Ranges of more than one comparison, odd spacing, and what is no range at all.
var others = []string{
	">=1.2.0 <2.0.0", ">= 1.2.0, < 2.0.0", ">=1.2.0,<2.0.0", ">=1.2.0 , <2.0.0", ">=1.2.0\t<2.0.0", ">1 <2.3", "1 1.2 1.2.3", "1\f1.2\r1.2.3",
	">=1.2.0-0 <2.0.0", ">=1.2.0 <2.0.0-0", "*, >=1.2.3-0", "!=1.2.3 !=1.2.4", "!=1.2.3-alpha.1 !=1.2.3",
	"~1.2 !=1.2.4", "^1.2, !=1.10.0", "~1.2.3 || ^2", "1.2.3||2.0.0", "1.2.3 || 2.0.0", "1 || 2", "1||2", "<1 || >=2", "<1||>=2-0",
	"1.2.3-alpha.1 || 2", "1.2.3-0 || *", "* || 1.2.3-0", "1.2.3||1.2.3", ">=1 <2 || >=2.1, <3 || 0.2.x",
	"1 - 2", "1.2 - 1.4.5", "1.2.3 - 2.0.0", "v1.2.3 - v2.0.0", "1.2.3 - 2", "1.2.3 - 2.0", "1 - 1", "2 - 1", "0 - *", "* - 1", "x - x",
	"1.2.3-alpha - 2.0.0", "1.2.3 - 2.0.0-0", "1.2.3-alpha.1 - 1.2.3-rc.1", "1.2.3+a - 1.2.4+b", "1.2   -   1.4", "  1.2 - 1.4  ",
	"1 - 2, !=1.2.3", "1 - 2 !=1.2.3", "!=1.2.3, 1 - 2", "1.2 - 1.4 || 2.0.0 - 2.2.0", "1.2 - 1.4 || 3", "3 || 1.2 - 1.4", "1 - 2||3",
	"1 - 2, 2 - 3", "1.2-1.4.5", "1.2.3-2", "1 - 2 ,3",
	" 1.2.3", "1.2.3 ", "\t1.2.3\n", "= 1.2.3", " = v1.2.3 ", "=  1.2.3", ">=   1.2.3", "^ 1.2", "~\t1.2", "=1.2.3,=1.2.3", "1.2.3 1.2.3",
	// What is refused.
	" ", ",", "||", "|", "1 ||", "|| 1", "1 || || 2", "1,", ",1", "1,,2", "1 , , 2", "1|2", "|1", "1.2|3", "=", ">=", "^", "~", "v",
	"==1.2.3", "===1.2.3", "><1", "<>1", "!1", "! 1", "> =1.2", "~ >1", "! =1", "~=1.2", "^^1", "=^1", "^=1.2", "~>=1", ">1<2", ">=1.0.0<2.0.0", "1;2",
	"1.2.3.4", "1.2.3.", "1.", ".1", "1..2", "1.2.", "V1.2.3", "vv1", "v 1", "v=1", "=v 1", "1 .2", "1. 2", "1.2.3 -", "- 1.2.3", "-1", "+1",
	"1 -2", "1- 2", "1 - ", " - 1", "1 - - 2", "1 - 2 - 3", "1 2 - 3", ">1 - 2", "1 - >2", "=1 - 2", "1 to 2", "1 and 2", "latest", "a.b.c", "1.a",
	"1x", "x1", "xx", "1.xx", "1.2x", "**", "1.**", "x.x.x.x", "1.2.3-", "1.2.3+", "1.2.3-+b", "1.2.3-a..b", "1.2.3-a.", "1.2.3-.a", "1.2.3+a..b",
	"1.2.3+a+b", "1.2.3-a_b", "1.2.3-01", "1.2-01", "1.2.3-a.01", ">=1.2.3-00", "1.2.3-ä", "１.2.3", "1.2.3\u00a0", "1\u00a02", "1.2.3\v", "1.2.3\x00",
	"18446744073709551616.0.0", "1.18446744073709551616", "1.2.99999999999999999999999", "(1)", "[1,2)", "{1}", "\"1\"", "'1.2.3'", "1.2.3 #", "1,\n2 ,\r3",
}

// Versions in every order of precedence, written in no order.
var versions = []string{
	"1.2.3", "v1.2.3", "1.2.3+build", "v1.2.3-alpha.1+b.01", "0.0.0", "0.0.0-0", "0.0.1", "0.0.3", "0.0.3-beta", "0.0.4", "0.1.0", "0.1.5", "0.2.0",
	"0.2.3", "0.2.3-rc.1", "0.2.9", "0.3.0", "0.10.0", "1.0.0", "1.0.0-0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
	"1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.1", "1.1.0", "1.2.0", "1.2.0-0", "1.2.0-beta", "1.2.0-1.4.5", "1.2.2", "1.2.3-0", "1.2.3-alpha",
	"1.2.3-alpha.1", "1.2.3-alpha.1.0", "1.2.3-alpha.10", "1.2.3-alpha.2", "1.2.3-Alpha", "1.2.3-alpha-1", "1.2.3-rc.1", "1.2.3-2", "1.2.3-10", "1.2.3--1",
	"1.2.3---", "1.2.3-a", "1.2.3-1a", "1.2.3-18446744073709551615", "1.2.4", "1.2.4-0", "1.2.4+b", "1.2.10", "1.3.0", "1.3.0-rc.1", "1.4.5", "1.4.6",
	"1.10.0", "2.0.0", "2.0.0-0", "2.0.0-rc.1", "v2.0.1", "2.1.0", "2.3.0", "2.3.1", "3.0.0", "3.0.0-0", "10.0.0", "18446744073709551615.0.0",
}

var noVersions = []string{
	"", " ", "v", "1", "1.2", "v1", "v1.2", "1.2.3.4", "1.2.x", "*", "1.2.3-", "1.2.3+", "1.2.3-+b", "1.2.3-a..b", "1.2.3-a.", "1.2.3-.a", "1.2.3+a..b", "1.2.3+.",
	"1.2.3+a+b", "1.2.3-a_b", "1.2.3+a_b", "1.2.3-01", "1.2.3-a.01", "1.2.3-00", "01.2.3", "1.02.3", "1.2.03", "00.0.0", "V1.2.3", "vv1.2.3", "=1.2.3", " 1.2.3", "1.2.3 ",
	"1.2.3\n", "1. 2.3", "-1.2.3", "+1.2.3", "1.-2.3", "1.2.3_1", "1..3", ".2.3", "1.2.", "a.b.c", "latest", "1,2,3", "1.2.3-ä", "１.2.3", "1.2.٣", "1.2.3-１",
	"1_0.0.0", "1e3.0.0", "0x1.0.0", "18446744073709551616.0.0", "0.18446744073709551616.0", "0.0.99999999999999999999999999", "1.2.3\x00", "1.2.3-a b",
}

// parse reads a version strictly, but for one leading v.
func parse(text string) *semver.Version {
	version, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v"))
	if err != nil {
		return nil
	}
	return version
}

// admitted lists the versions that a range admits, or is nil if it is no range.
func admitted(text string) []string {
	constraint, err := semver.NewConstraint(text)
	if err != nil {
		return nil
	}
	found := []string{}
	for _, version := range versions {
		if constraint.Check(parse(version)) {
			found = append(found, version)
		}
	}
	return found
}

func line(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func printRanges() {
	var texts []string
	for _, operator := range operators {
		for _, operand := range operands {
			texts = append(texts, operator+operand)
		}
	}
	var rows []string
	for _, text := range append(texts, others...) {
		rows = append(rows, line([]any{text, admitted(text)}))
	}
	fmt.Printf("{\"versions\": %s,\n\"ranges\": [\n%s\n]}\n", line(versions), strings.Join(rows, ",\n"))
}

func printVersions() {
	sorted := append([]string{}, versions...)
	sort.SliceStable(sorted, func(i, j int) bool { return parse(sorted[i]).LessThan(parse(sorted[j])) })
	var groups [][]string
	for i, text := range sorted {
		if i > 0 && parse(sorted[i-1]).Equal(parse(text)) {
			groups[len(groups)-1] = append(groups[len(groups)-1], text)
		} else {
			groups = append(groups, []string{text})
		}
	}
	refused := []string{}
	for _, text := range noVersions {
		if parse(text) == nil {
			refused = append(refused, text)
		}
	}
	if len(refused) != len(noVersions) {
		panic("the library reads one of the texts that are no versions")
	}
	fmt.Printf("{\"ascending\": %s,\n\"refused\": %s}\n", line(groups), line(refused))
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "vectors" {
		printRanges()
	} else if len(os.Args) == 2 && os.Args[1] == "precedence" {
		printVersions()
	} else {
		fmt.Fprintln(os.Stderr, "usage: go run . vectors|precedence")
		os.Exit(2)
	}
}
