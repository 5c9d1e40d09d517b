package kubelet

import (
	"encoding/json"

	statsv1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

func (w *jsonWriter) cpu(c *statsv1.CPUStats) {
	if c == nil {
		return
	}
	w.key("cpu")
	w.open('{')
	w.at(c.Time)
	w.uint("usageNanoCores", c.UsageNanoCores)
	w.uint("usageCoreNanoSeconds", c.UsageCoreNanoSeconds)
	w.psi(c.PSI)
	w.close('}')
}

func (w *jsonWriter) memory(m *statsv1.MemoryStats) {
	if m == nil {
		return
	}
	w.key("memory")
	w.open('{')
	w.at(m.Time)
	w.uint("availableBytes", m.AvailableBytes)
	w.uint("usageBytes", m.UsageBytes)
	w.uint("workingSetBytes", m.WorkingSetBytes)
	w.uint("rssBytes", m.RSSBytes)
	w.uint("pageFaults", m.PageFaults)
	w.uint("majorPageFaults", m.MajorPageFaults)
	w.psi(m.PSI)
	w.close('}')
}

func (w *jsonWriter) io(s *statsv1.IOStats) {
	if s == nil {
		return
	}
	w.key("io")
	w.open('{')
	w.at(s.Time)
	w.psi(s.PSI)
	w.close('}')
}

// noPressure is how zero PSI statistics encode, which they nearly always are.
const noPressure = `{"full":{"total":0,"avg10":0,"avg60":0,"avg300":0},` +
	`"some":{"total":0,"avg10":0,"avg60":0,"avg300":0}}`

func (w *jsonWriter) psi(p *statsv1.PSIStats) {
	if p == nil {
		return
	}
	w.key("psi")
	if *p == (statsv1.PSIStats{}) {
		w.b = append(w.b, noPressure...)
	} else if data, err := json.Marshal(p); err == nil {
		w.b = append(w.b, data...)
	} else { // an average that is no number
		w.b = append(w.b, noPressure...)
	}
	w.comma = true
}

func (w *jsonWriter) swap(s *statsv1.SwapStats) {
	if s == nil {
		return
	}
	w.key("swap")
	w.open('{')
	w.at(s.Time)
	w.uint("swapAvailableBytes", s.SwapAvailableBytes)
	w.uint("swapUsageBytes", s.SwapUsageBytes)
	w.close('}')
}

func (w *jsonWriter) network(n *statsv1.NetworkStats) {
	if n == nil {
		return
	}
	w.key("network")
	w.open('{')
	w.at(n.Time)
	w.iface(&n.InterfaceStats)
	if len(n.Interfaces) > 0 {
		w.key("interfaces")
		w.open('[')
		for i := range n.Interfaces {
			w.open('{')
			w.iface(&n.Interfaces[i])
			w.close('}')
		}
		w.close(']')
	}
	w.close('}')
}

func (w *jsonWriter) iface(i *statsv1.InterfaceStats) {
	w.string("name", i.Name)
	w.uint("rxBytes", i.RxBytes)
	w.uint("rxErrors", i.RxErrors)
	w.uint("txBytes", i.TxBytes)
	w.uint("txErrors", i.TxErrors)
}

func (w *jsonWriter) disk(name string, f *statsv1.FsStats) {
	if f == nil {
		return
	}
	w.key(name)
	w.open('{')
	w.fsFields(f)
	w.close('}')
}

func (w *jsonWriter) fsFields(f *statsv1.FsStats) {
	w.at(f.Time)
	w.uint("availableBytes", f.AvailableBytes)
	w.uint("capacityBytes", f.CapacityBytes)
	w.uint("usedBytes", f.UsedBytes)
	w.uint("inodesFree", f.InodesFree)
	w.uint("inodes", f.Inodes)
	w.uint("inodesUsed", f.InodesUsed)
}

func (w *jsonWriter) volume(v *statsv1.VolumeStats) {
	w.open('{')
	w.fsFields(&v.FsStats)
	if v.Name != "" {
		w.string("name", v.Name)
	}
	if v.PVCRef != nil {
		w.key("pvcRef")
		w.open('{')
		w.string("name", v.PVCRef.Name)
		w.string("namespace", v.PVCRef.Namespace)
		w.close('}')
	}
	w.close('}')
}
