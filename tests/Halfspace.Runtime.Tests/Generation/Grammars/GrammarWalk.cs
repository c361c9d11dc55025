using System.Numerics;
using System.Text;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Generation.Grammars;
using Halfspace.Runtime.Tokenization;

namespace Halfspace.Runtime.Tests.Generation.Grammars;

/// <summary>Writes texts of a grammar with random tokens, as a model without any sense would.</summary>
internal static class GrammarWalk
{
    // What ends a text soonest: closing comes before opening.
    private const string Hurry = "}]ntfxb -0123456789";

    /// <summary>A random text: any allowed tokens at first, then what closes it.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="random">Picks tokens.</param>
    /// <param name="free">Tokens picked at random before the text is brought to its end.</param>
    public static string Text(Grammar grammar, Tokenizer tokenizer, Random random, int free)
    {
        TokenConstraint constraint = new(grammar, tokenizer, tokenizer.VocabularySize, tokenizer.EndIds);
        List<byte> text = [];
        for (int step = 0; step < free + 4000; step++)
        {
            List<int> allowed = Tokens(constraint.Allowed());
            if (allowed.Count == 0)
            {
                Assert.True(constraint.IsComplete, $"a dead end after {Encoding.UTF8.GetString([.. text])}");
                return Encoding.UTF8.GetString([.. text]);
            }

            int end = tokenizer.EndIds[0];
            Assert.Equal(constraint.IsComplete, allowed.Contains(end));
            int token = allowed[random.Next(allowed.Count)];
            if (step > free)
            {
                int[] quick = [.. allowed.Where(id => tokenizer.TokenBytes(id) is [var c] && Hurry.Contains((char)c))];
                int quote = allowed.Find(id => tokenizer.TokenBytes(id) is [(byte)'"']);
                token = constraint.IsComplete ? end : quote > 0 ? quote : quick.Length > 0 ? quick[random.Next(quick.Length)] : token;
            }

            if (tokenizer.EndIds.Contains(token)) return Encoding.UTF8.GetString([.. text]);
            text.AddRange(tokenizer.TokenBytes(token));
            constraint.Accept(token);
        }

        throw new InvalidOperationException($"no end was found of {Encoding.UTF8.GetString([.. text])[..500]}");
    }

    /// <summary>Whether a grammar has a text.</summary>
    public static bool Accepts(Grammar grammar, string text)
    {
        Automaton automaton = new(grammar.Graph, grammar.Graph.Productive(ByteSet.All));
        int state = automaton.Start;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            state = automaton.Step(state, value);
            if (state == Automaton.Dead) return false;
        }

        return automaton.IsComplete(state);
    }

    public static List<int> Tokens(ReadOnlySpan<ulong> mask)
    {
        List<int> tokens = [];
        for (int word = 0; word < mask.Length; word++)
            for (ulong bits = mask[word]; bits != 0; bits &= bits - 1) tokens.Add((word * 64) + BitOperations.TrailingZeroCount(bits));
        return tokens;
    }
}
