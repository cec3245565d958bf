using Lur.Device;

namespace Lur.Steps;

/// <content>The operations of a step, in the order in which they are called.</content>
public sealed partial class VectorStep
{
    /// <summary>First of a step: theta' = theta - a g with a = alpha, or less where |alpha g| would exceed the cap.</summary>
    /// <param name="theta">Weights.</param>
    /// <param name="g">Retain gradient at theta.</param>
    /// <param name="ahead">Receives theta'; a vector of its own.</param>
    /// <exception cref="ArgumentException">A vector has another number of segments, an address is null or not aligned, or ahead shares
    /// memory with the others.</exception>
    /// <exception cref="InvalidOperationException">Another step is under way.</exception>
    public void LookAhead(ReadOnlySpan<ulong> theta, ReadOnlySpan<ulong> g, ReadOnlySpan<ulong> ahead)
    {
        Require(_stage is Stage.Ready or Stage.Done, "look-ahead", "the step before it has no update yet");
        Check(theta, nameof(theta));
        Check(g, nameof(g));
        Check(ahead, nameof(ahead));
        CheckApart(ahead, nameof(ahead), theta);
        CheckApart(ahead, nameof(ahead), g);
        if (_options.LookAheadCap > 0)
        {
            Square(g, RetainSquare);
            Square(theta, ParameterSquare);
        }

        var numbers = At(Numbers);
        _kernels.Pieces.RelativeAlpha(_device.Elements(1), At(Alpha), At(RetainSquare), numbers, _options.LookAheadCap);
        for (var p = 0; p < _pieces.All.Length; p++)
        {
            ref readonly var piece = ref _pieces.All[p];
            _kernels.Lur.LurLookAhead(
                Blocks(piece),
                Piece(ahead, piece),
                PartialsOf(p, 2),
                Piece(theta, piece),
                Piece(g, piece),
                At(Alpha),
                piece.Count,
                _pieces.Parts
            );
        }

        Finish(RetainSquare, 2);
        _stage = Stage.LookedAhead;
    }

    /// <summary>Of a finite difference: theta + eps v, then theta - eps v, eps = r / |v|; behind the look-ahead.</summary>
    /// <param name="sign">1 first, then -1.</param>
    /// <param name="theta">Weights.</param>
    /// <param name="v">Forget gradient at the look-ahead weights.</param>
    /// <param name="moved">Receives the weights to take a retain gradient at; may be the look-ahead weights, which are done with.</param>
    /// <exception cref="ArgumentException">As for <see cref="LookAhead"/>; or the sign is neither.</exception>
    /// <exception cref="InvalidOperationException">Out of order, or the step takes no finite difference.</exception>
    public void Perturb(int sign, ReadOnlySpan<ulong> theta, ReadOnlySpan<ulong> v, ReadOnlySpan<ulong> moved)
    {
        if (sign is not (1 or -1))
            throw new ArgumentException($"The sign of a perturbation is 1 or -1, and not {sign}.");
        Require(_options.Product == VectorProduct.FiniteDifference, "perturbation", "the step takes no finite difference");
        if (sign > 0)
            Require(_stage == Stage.LookedAhead, "perturbation with sign 1", "it comes right behind the look-ahead");
        else
            Require(_stage == Stage.MovedForward, "perturbation with sign -1", "it comes behind the one with sign 1");
        Check(theta, nameof(theta));
        Check(v, nameof(v));
        Check(moved, nameof(moved));
        CheckApart(moved, nameof(moved), theta);
        CheckApart(moved, nameof(moved), v);
        if (sign > 0)
        {
            Square(v, ForgetSquare);
            _kernels.Lur.LurDifferenceScales(_device.Elements(1), At(Scales), At(ForgetSquare), _options.Radius);
        }

        for (var p = 0; p < _pieces.All.Length; p++)
        {
            ref readonly var piece = ref _pieces.All[p];
            _kernels.Lur.LurPerturb(
                _device.Elements(piece.Count),
                Piece(moved, piece),
                Piece(theta, piece),
                Piece(v, piece),
                At(Scales),
                piece.Count,
                sign
            );
        }

        _stage = sign > 0 ? Stage.MovedForward : Stage.MovedBack;
    }

    /// <summary>Of a finite difference: h = (g+ - g-) / (2 eps).</summary>
    /// <param name="plus">Retain gradient at theta + eps v.</param>
    /// <param name="minus">Retain gradient at theta - eps v.</param>
    /// <param name="h">Receives the product; may be either of them.</param>
    /// <exception cref="ArgumentException">As for <see cref="LookAhead"/>.</exception>
    /// <exception cref="InvalidOperationException">Out of order.</exception>
    public void Difference(ReadOnlySpan<ulong> plus, ReadOnlySpan<ulong> minus, ReadOnlySpan<ulong> h)
    {
        Require(_stage == Stage.MovedBack, "difference", "both perturbations come before it");
        Check(plus, nameof(plus));
        Check(minus, nameof(minus));
        Check(h, nameof(h));
        CheckApart(h, nameof(h), plus, maySame: true);
        CheckApart(h, nameof(h), minus, maySame: true);
        for (var p = 0; p < _pieces.All.Length; p++)
        {
            ref readonly var piece = ref _pieces.All[p];
            _kernels.Lur.LurDifference(
                Blocks(piece),
                Piece(h, piece),
                PartialsOf(p, 1),
                Piece(plus, piece),
                Piece(minus, piece),
                At(Scales + 1),
                piece.Count,
                _pieces.Parts
            );
        }

        Finish(ProductSquare, 1);
        _stage = Stage.HasProduct;
    }

    /// <summary>Last of a step: G = w_r g + w_u (v - a h), and SGD with momentum of theta with it, in one pass behind the guard.</summary>
    /// <param name="theta">Weights; changed.</param>
    /// <param name="momentum">Momentum, zeros before the first step; changed.</param>
    /// <param name="g">Retain gradient at theta.</param>
    /// <param name="v">Forget gradient at the look-ahead weights; empty for G = w_r g.</param>
    /// <param name="h">Product H_r v; empty for first order.</param>
    /// <param name="mask">Bytes, 0 where an element keeps weight and momentum; empty for none.</param>
    /// <exception cref="ArgumentException">As for <see cref="LookAhead"/>; or there is an h and no v.</exception>
    /// <exception cref="InvalidOperationException">Out of order.</exception>
    public void Update(
        ReadOnlySpan<ulong> theta,
        ReadOnlySpan<ulong> momentum,
        ReadOnlySpan<ulong> g,
        ReadOnlySpan<ulong> v,
        ReadOnlySpan<ulong> h,
        ReadOnlySpan<ulong> mask
    )
    {
        Check(theta, nameof(theta));
        CheckApart(theta, nameof(theta), g);
        CheckApart(theta, nameof(theta), v);
        CheckApart(theta, nameof(theta), h);
        Check(momentum, nameof(momentum));
        CheckApart(momentum, nameof(momentum), theta);
        CheckApart(momentum, nameof(momentum), g);
        CheckApart(momentum, nameof(momentum), v);
        CheckApart(momentum, nameof(momentum), h);
        CheckOptional(mask, nameof(mask), size: 1);
        CheckApart(theta, nameof(theta), mask, size: 1);
        CheckApart(momentum, nameof(momentum), mask, size: 1);
        h = BeginGradient("update", g, v, h);
        for (var p = 0; p < _pieces.All.Length; p++)
        {
            ref readonly var piece = ref _pieces.All[p];
            _kernels.Lur.LurMetaUpdate(
                Blocks(piece),
                Piece(theta, piece),
                Piece(momentum, piece),
                PartialsOf(p, VectorPieces.MostValues),
                Piece(g, piece),
                Piece(v, piece),
                Piece(h, piece),
                mask.IsEmpty ? default : new DevicePointer<byte>(mask[piece.Segment]).At(piece.Offset, 1),
                At(Numbers),
                At(Alpha),
                At(Skip).As<int>(),
                piece.Count,
                _pieces.Parts,
                _options.Nesterov ? 1 : 0
            );
        }

        Finish(Norms, VectorPieces.MostValues);
        _stage = Stage.Done;
    }

    /// <summary>In place of <see cref="Update"/>, for an optimiser of the caller: G alone. Where the step is skipped G is what it is,
    /// and <see cref="SkipAddress"/> says so.</summary>
    /// <param name="theta">Weights, for the report.</param>
    /// <param name="g">Retain gradient at theta.</param>
    /// <param name="v">Forget gradient; empty for G = w_r g.</param>
    /// <param name="h">Product; empty for first order.</param>
    /// <param name="total">Receives G; may be g.</param>
    /// <exception cref="ArgumentException">As for <see cref="Update"/>.</exception>
    /// <exception cref="InvalidOperationException">Out of order.</exception>
    public void Gradient(
        ReadOnlySpan<ulong> theta,
        ReadOnlySpan<ulong> g,
        ReadOnlySpan<ulong> v,
        ReadOnlySpan<ulong> h,
        ReadOnlySpan<ulong> total
    )
    {
        Check(theta, nameof(theta));
        Check(total, nameof(total));
        CheckApart(total, nameof(total), theta);
        CheckApart(total, nameof(total), v);
        CheckApart(total, nameof(total), h);
        CheckApart(total, nameof(total), g, maySame: true);
        h = BeginGradient("gradient", g, v, h);
        for (var p = 0; p < _pieces.All.Length; p++)
        {
            ref readonly var piece = ref _pieces.All[p];
            _kernels.Lur.LurGradient(
                Blocks(piece),
                Piece(total, piece),
                PartialsOf(p, VectorPieces.MostValues),
                Piece(g, piece),
                Piece(v, piece),
                Piece(h, piece),
                Piece(theta, piece),
                At(Numbers),
                At(Alpha),
                piece.Count,
                _pieces.Parts
            );
        }

        Finish(Norms, VectorPieces.MostValues);
        _stage = Stage.Done;
    }
}
