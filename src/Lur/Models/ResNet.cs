using Lur.Layers;

namespace Lur.Models;

/// <summary>Residual networks (He et al., CVPR 2016) with torchvision's tensor names. ResNet-18 at width 64 with a 3x3 stem is the
/// CIFAR network of the unlearning papers: 11,173,962 parameters for ten classes.</summary>
internal static class ResNet
{
    /// <summary>Output channels of a bottleneck block over those of its 3x3 convolution.</summary>
    private const int Expansion = 4;

    /// <summary>Builds the network.</summary>
    public static Network Build(ResNetSpec spec)
    {
        var (input, width, large) = (spec.Input, spec.BaseWidth, spec.Stem == ResNetStem.Large);
        var network = new Network(input.Height, input.Width, input.Channels);
        var node = network.Add(new Convolution("conv1", input.Channels, width, large ? 7 : 3, large ? 2 : 1), -1);
        node = network.Add(new BatchNorm("bn1", width, relu: true), node);
        if (large)
            node = network.Add(new MaxPool("maxpool", 3, 2, 1), node);
        var channels = width;
        for (var stage = 0; stage < spec.Blocks.Count; stage++)
        {
            for (var block = 0; block < spec.Blocks[stage]; block++)
            {
                var (name, stride) = ($"layer{stage + 1}.{block}", stage > 0 && block == 0 ? 2 : 1);
                node =
                    spec.Block == ResNetBlock.Basic
                        ? AddBasicBlock(network, name, node, channels, width << stage, stride)
                        : AddBottleneck(network, name, node, channels, width << stage, stride);
                channels = (width << stage) * (spec.Block == ResNetBlock.Basic ? 1 : Expansion);
            }
        }

        node = network.Add(new GlobalAveragePool("avgpool"), node);
        network.Add(new Linear("fc", channels, spec.Outputs), node);
        network.Shapes(1); // reports an image too small for the strides now, not in the middle of a run
        return network;
    }

    private static int AddBasicBlock(Network network, string name, int input, int inChannels, int channels, int stride)
    {
        var node = network.Add(new Convolution($"{name}.conv1", inChannels, channels, 3, stride), input);
        node = network.Add(new BatchNorm($"{name}.bn1", channels, relu: true), node);
        node = network.Add(new Convolution($"{name}.conv2", channels, channels, 3, 1), node);
        return AddShortcut(network, name, new BatchNorm($"{name}.bn2", channels, relu: true), node, input, (inChannels, channels, stride));
    }

    private static int AddBottleneck(Network network, string name, int input, int inChannels, int channels, int stride)
    {
        var outChannels = channels * Expansion;
        var node = network.Add(new Convolution($"{name}.conv1", inChannels, channels, 1, 1), input);
        node = network.Add(new BatchNorm($"{name}.bn1", channels, relu: true), node);
        node = network.Add(new Convolution($"{name}.conv2", channels, channels, 3, stride), node);
        node = network.Add(new BatchNorm($"{name}.bn2", channels, relu: true), node);
        node = network.Add(new Convolution($"{name}.conv3", channels, outChannels, 1, 1), node);
        return AddShortcut(
            network,
            name,
            new BatchNorm($"{name}.bn3", outChannels, relu: true),
            node,
            input,
            (inChannels, outChannels, stride)
        );
    }

    // The last normalisation of a block adds the shortcut: the block's input, or a 1x1 convolution of it where the shape changes.
    private static int AddShortcut(Network network, string name, BatchNorm last, int node, int input, (int In, int Out, int Stride) block)
    {
        if (block.Stride == 1 && block.In == block.Out)
            return network.Add(last, node, input);

        // torch lists the last normalisation before the shortcut, but it runs after it.
        network.Register(last);
        var shortcut = network.Add(new Convolution($"{name}.downsample.0", block.In, block.Out, 1, block.Stride), input);
        shortcut = network.Add(new BatchNorm($"{name}.downsample.1", block.Out, relu: false), shortcut);
        return network.Add(last, node, shortcut);
    }
}
