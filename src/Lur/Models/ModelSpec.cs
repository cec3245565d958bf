using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Everything that fixes the architecture of a model: what its family builds a network from, and what stands in a
/// model file as text. A spec also knows which tensors play a part that methods ask for.</summary>
public abstract record ModelSpec
{
    /// <summary>The family that reads, builds and names it.</summary>
    public abstract ModelFamily Family { get; }

    /// <summary>Size of the images it takes.</summary>
    public abstract ImageSize Input { get; init; }

    /// <summary>Extent of the output's last axis: the logits of a classifier.</summary>
    public abstract int Outputs { get; init; }

    /// <summary>How many classes it tells apart, or draws: the names of a model are theirs.</summary>
    public virtual int Classes => Outputs;

    /// <summary>The text that <see cref="ModelFamily.Parse"/> reads back, with every choice spelled out.</summary>
    public abstract string Text { get; }

    /// <summary>The text, which is part of the keys of caches and checkpoints.</summary>
    public sealed override string ToString() => Text;

    /// <summary>Builds the network.</summary>
    /// <exception cref="ArgumentException">The images are too small for the strides.</exception>
    public abstract Network Build();

    /// <summary>Names of a tensor in files: the first is written, and all are read.</summary>
    public virtual IReadOnlyList<string> FileNames(ParameterSlot slot) => Family.FileNames(slot);

    /// <summary>Extents of a tensor in files, with the same order of elements: the first are written, and all are read.</summary>
    public virtual IReadOnlyList<long[]> FileShapes(ParameterSlot slot) => [Family.FileShape(slot)];

    /// <summary>The normalisation that every network of its kind has; null where it is the data's.</summary>
    public virtual InputNormalization? OwnNormalization => null;

    /// <summary>Random changes of training images that suit it, of those that suit the data.</summary>
    public virtual Augmentation Suited(Augmentation ofData) => ofData;

    /// <summary>True for the tensors of the head: the layer that makes the output. With another number of
    /// <see cref="Outputs"/> only the head differs, and its first axis is the outputs.</summary>
    public abstract bool IsHead(ParameterSlot slot);

    /// <summary>True for the tensors whose first axis is the classes.</summary>
    public virtual bool HasClassAxis(ParameterSlot slot) => IsHead(slot);

    /// <summary>True for the tensors of the late part, where a network keeps what is particular to its task: those that trimming
    /// may reset unless it is told others. The head is among them.</summary>
    public abstract bool IsLate(ParameterSlot slot);
}
