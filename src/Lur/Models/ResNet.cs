using Lur.Layers;

namespace Lur.Models;

/// <summary>Residual networks of basic blocks (He et al., CVPR 2016) with torchvision's tensor names. ResNet-18 at width 64
/// with a 3x3 stem is the CIFAR network of the unlearning papers (methods 7.1): 11,173,962 parameters for ten classes.</summary>
public static class ResNet
{
    /// <summary>Builds the network.</summary>
    /// <param name="spec">Depth, width, stem, classes and image size.</param>
    public static Network Build(ResNetSpec spec)
    {
        var network = new Network(spec.Height, spec.Width, spec.Channels);
        var large = spec.Stem == ResNetStem.Large;
        var width = spec.BaseWidth;
        var node = network.Add(new Convolution("conv1", spec.Channels, width, large ? 7 : 3, large ? 2 : 1), -1);
        node = network.Add(new BatchNorm("bn1", width, relu: true), node);
        if (large)
            node = network.Add(new MaxPool("maxpool", 3, 2, 1), node);
        var channels = width;
        for (var stage = 0; stage < spec.Blocks.Count; stage++)
        {
            for (var block = 0; block < spec.Blocks[stage]; block++)
            {
                node = AddBasicBlock(network, $"layer{stage + 1}.{block}", node, channels, width << stage, stage > 0 && block == 0 ? 2 : 1);
                channels = width << stage;
            }
        }

        node = network.Add(new GlobalAveragePool("avgpool"), node);
        network.Add(new Linear("fc", channels, spec.Classes), node);
        network.Shapes(1); // reports an image too small for the strides now, not in the middle of a run
        return network;
    }

    private static int AddBasicBlock(Network network, string name, int input, int inChannels, int outChannels, int stride)
    {
        var node = network.Add(new Convolution($"{name}.conv1", inChannels, outChannels, 3, stride), input);
        node = network.Add(new BatchNorm($"{name}.bn1", outChannels, relu: true), node);
        var conv2 = new Convolution($"{name}.conv2", outChannels, outChannels, 3, 1);
        var bn2 = new BatchNorm($"{name}.bn2", outChannels, relu: true);
        node = network.Add(conv2, node);
        if (stride == 1 && inChannels == outChannels)
            return network.Add(bn2, node, input);

        // torch lists bn2 before the shortcut, but it runs after it: its epilogue adds the shortcut.
        network.Register(bn2);
        var shortcut = network.Add(new Convolution($"{name}.downsample.0", inChannels, outChannels, 1, stride), input);
        shortcut = network.Add(new BatchNorm($"{name}.downsample.1", outChannels, relu: false), shortcut);
        return network.Add(bn2, node, shortcut);
    }
}
