// Enforces network policies of the test cluster: sigs.k8s.io/kube-network-policies, told by a kubeconfig rather than by the account of a pod.
// Which packets it is asked about is not said by its own nftables rules where the kernel has no `queue` for nftables
// (CONFIG_NFT_QUEUE): the node's iptables say it, with the same queue.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file")
	node := flag.String("node", "", "name of the node it runs on")
	queue := flag.Int("queue", 100, "number of the queue that packets come by")
	health := flag.String("health", "127.0.0.1:9080", "where it says that it knows the policies")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *health, networkpolicy.Config{
		NodeName: *node,
		QueueID:  *queue,
	}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, health string, config networkpolicy.Config) error {
	access, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	access.QPS, access.Burst = 300, 600
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	known := informers.NewSharedInformerFactory(client, 0)
	policies := known.Networking().V1().NetworkPolicies()
	namespaces := known.Core().V1().Namespaces()
	pods := known.Core().V1().Pods()
	controller, err := networkpolicy.NewController(client, policies, namespaces, pods, nil, nil, nil, nil, config)
	if err != nil {
		return err
	}
	known.Start(ctx.Done())
	known.WaitForCacheSync(ctx.Done())
	go func() {
		http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
		fmt.Fprintln(os.Stderr, http.ListenAndServe(health, nil))
	}()
	return controller.Run(ctx)
}
