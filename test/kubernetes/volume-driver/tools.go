//go:build tools

// Package tools names the programs that are built beside the driver, so that go.mod knows what they need.
package tools

import (
	_ "github.com/kubernetes-csi/external-provisioner/v5/cmd/csi-provisioner"
	_ "github.com/kubernetes-csi/external-resizer/cmd/csi-resizer"
)
