# bash completion for lyceum(1)
#
# `lyceum --complete WORD...` knows what may stand at the end of a command line:
# one value a line, with a tab and what it is behind it. ":files" and ":dirs"
# leave it to the shell.
_lyceum() {
    local rest=$COMP_LINE prefix='' word line i
    local -a words=()

    # What the shell took apart at ":", "=" and "@" is one word again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ -n $word && $rest == "$word"* ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        rest=${rest#*"$word"}
    done
    # ... and unless it did so, the value begins behind the option's name.
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word == --*=* ]] && prefix=${word%%=*}=
    # What needs quotes is offered with them, unless they are there.
    [[ $word == [\'\"]* ]] && words[-1]=${words[-1]:1}
    words[-1]=${words[-1]//\\/}

    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        :files) compopt -o default ;;
        :dirs) compopt -o dirnames ;;
        *)
            line=${line%%$'\t'*}
            [[ $line == */ ]] && compopt -o nospace
            if [[ $word != [\'\"]* && $line == *[\ \'\"\\\$\&\;\(\)\<\>\|*?\[{}^#~\`!]* ]]; then
                printf -v line %q "$line"
            fi
            COMPREPLY+=("$prefix$line")
            ;;
        esac
    done < <(lyceum --complete "${words[@]:1}" 2>/dev/null)
}

complete -F _lyceum lyceum
